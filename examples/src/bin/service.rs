//! A web service that evaluates in-process: one ruleset behind an `ArcSwap`, read by every request, replaced when the file of
//! flags has changed and somebody says so.
//!
//! `cargo run -p ff-examples --bin service -- examples/data/flags.json 127.0.0.1:8099`
//!
//! - `GET /checkout/{user_id}?country=CA`: which checkout does this user see, and how many articles on a page?
//! - `POST /reload`: reads the file again. A file with faults changes nothing, and the answer lists them.
#![allow(clippy::print_stdout, reason = "a program that says where it listens")]

use std::path::PathBuf;
use std::time::SystemTime;

use actix_web::web::{Data, Json, Path, Query, block};
use actix_web::{App, HttpResponse, HttpServer, Responder, get, post};
use arc_swap::ArcSwap;
use ff_core::{Fault, FlagSet, Ruleset, Timestamp, User};
use serde::{Deserialize, Serialize};

/// What all requests share.
struct Flags {
    file: PathBuf,
    current: ArcSwap<Ruleset>,
}

#[derive(Deserialize)]
struct Visitor {
    country: Option<String>,
}

#[derive(Serialize)]
struct Checkout {
    is_new: bool,
    page_size: i64,
}

#[get("/checkout/{user_id}")]
async fn checkout(flags: Data<Flags>, user_id: Path<String>, visitor: Query<Visitor>) -> Result<impl Responder, actix_web::Error> {
    let user = User::new(&user_id).map_err(actix_web::error::ErrorBadRequest)?.with_some("country", visitor.into_inner().country);
    // One ruleset and one instant for the whole request: its answers fit together whatever is swapped in meanwhile.
    let (ruleset, now) = (flags.current.load(), Timestamp::from(SystemTime::now()));
    Ok(Json(Checkout {
        is_new: ruleset.bool_or("new-checkout", &user, now, false),
        page_size: ruleset.i64_or("page-size", &user, now, 20),
    }))
}

#[derive(Serialize)]
struct Reloaded {
    revision: u64,
    flags: usize,
}

#[derive(Serialize)]
struct Refused {
    faults: Vec<Fault>,
}

#[post("/reload")]
async fn reload(flags: Data<Flags>) -> Result<HttpResponse, actix_web::Error> {
    let revision = flags.current.load().revision() + 1;
    let file = flags.file.clone();
    // Reading and compiling happen off the threads that serve requests; these go on with the old ruleset.
    match block(move || read(&file, revision)).await? {
        Ok(ruleset) => {
            let answer = Reloaded { revision, flags: ruleset.len() };
            flags.current.store(ruleset.into());
            Ok(HttpResponse::Ok().json(answer))
        }
        Err(Unusable::Faulty(faults)) => Ok(HttpResponse::UnprocessableEntity().json(Refused { faults: faults.into() })),
        Err(Unusable::Unreadable(error)) => Err(actix_web::error::ErrorInternalServerError(error)),
    }
}

/// Why a file gives no ruleset.
#[derive(Debug)]
enum Unusable {
    Unreadable(std::io::Error),
    Faulty(ff_core::Faults),
}

fn read(file: &std::path::Path, revision: u64) -> Result<Ruleset, Unusable> {
    let text = std::fs::read_to_string(file).map_err(Unusable::Unreadable)?;
    FlagSet::from_json(&text).and_then(|set| set.compile(revision)).map_err(Unusable::Faulty)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = PathBuf::from(arguments.next().ok_or("usage: service FILE [ADDRESS]")?);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8099".to_owned());

    let first = match read(&file, 1) {
        Ok(ruleset) => ruleset,
        Err(Unusable::Unreadable(error)) => return Err(format!("{}: {error}", file.display()).into()),
        Err(Unusable::Faulty(faults)) => return Err(format!("{}: {faults}", file.display()).into()),
    };
    let flags = Data::new(Flags { file, current: ArcSwap::from_pointee(first) });

    let server = HttpServer::new(move || App::new().app_data(flags.clone()).service(checkout).service(reload)).workers(2).bind(address)?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    Ok(server.run().await?)
}
