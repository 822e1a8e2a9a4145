//! `GET /docs`: a page that works without the internet.

use crate::harness::each;

#[test]
fn the_page_and_all_its_files_come_from_here() {
    each(|api| {
        let anyone = api.without("Authorization").without("X-Tenant-ID");
        let mut page = anyone.get("/docs");
        if page.status() != 200 {
            assert!((300..400).contains(&page.status()), "{page}");
            page = anyone.get(page.header("location").unwrap());
        }
        assert!(page.is(200).header("content-type").unwrap().starts_with("text/html"), "{page}");
        let html = page.text();
        let linked: Vec<&str> =
            ["src=\"", "href=\""].iter().flat_map(|name| html.split(name).skip(1)).map(|rest| rest.split('"').next().unwrap()).collect();
        assert!(linked.len() >= 3, "{html}");
        for link in linked {
            assert!(!link.contains("//"), "{link} leads elsewhere");
            let file = anyone.get(&format!("/docs/{}", link.trim_start_matches("./").trim_start_matches("/docs/")));
            assert!(!file.is(200).bytes().is_empty(), "{link}");
        }
        anyone.get("/docs/no-such-file.js").problem(404, "route_not_found");
        anyone.get("/docs/..%2f..%2fetc%2fpasswd").problem(404, "route_not_found");
    });
}
