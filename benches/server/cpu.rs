//! CPU time per request, requests per second, and latency under load, against the bare server.

use std::fs;
use std::path::PathBuf;

use crate::Effort;
use crate::client::{CONNECTIONS, Connection, Load};
use crate::data::Data;
use crate::process::Server;
use crate::verdict::Verdict;

/// One kind of request, with its bounds.
struct Question {
    name: &'static str,
    request: fn(&Data, &str) -> Vec<u8>,
    /// CPU time as a multiple of the bare server's: what must be kept, and the goal.
    bounds: (f64, f64),
}

const QUESTIONS: [Question; 3] = [
    Question { name: "POST /v1/evaluate", request: Data::one, bounds: (1.4, 1.25) },
    Question { name: "POST /v1/evaluate/batch, 200 flags named", request: Data::named, bounds: (1.6, 1.25) },
    Question { name: "POST /v1/evaluate/batch, all of 200 flags", request: Data::all, bounds: (1.6, 1.25) },
];

/// A 99th percentile may be this multiple of the bare server's.
const P99_RATIO_MAX: f64 = 3.0;

/// The smallest.
pub(crate) fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// The one in the middle.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn p99(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() * 99 / 100]
}

pub(crate) fn measure(data: &Data, effort: Effort, verdict: &mut Verdict) {
    for question in &QUESTIONS {
        compare(question, data, effort, verdict);
    }
}

/// What one server did in one round.
#[derive(Default)]
struct Seen {
    cpu_us: Vec<f64>,
    per_second: Vec<f64>,
    p99_us: Vec<f64>,
}

fn compare(question: &Question, data: &Data, effort: Effort, verdict: &mut Verdict) {
    let real = Server::real(data);
    let bare = Server::bare(&answers(&real, data, question));
    let requests = ["/ready", "/typed", ""].map(|prefix| (question.request)(data, prefix));
    let bodies =
        [&bare, &bare, &real].into_iter().zip(&requests).map(|(server, request)| Connection::open(server.address).send(request).body);
    let bodies: Vec<_> = bodies.collect();
    assert!(bodies.iter().all(|body| *body == bodies[0]), "all give the same bytes");

    let mut loads: Vec<_> =
        [&bare, &bare, &real].into_iter().zip(&requests).map(|(server, request)| (server, Load::new(server.address, request))).collect();
    let mut seen = [Seen::default(), Seen::default(), Seen::default()];
    for round in 0..=effort.rounds {
        for ((server, load), seen) in loads.iter_mut().zip(&mut seen) {
            let (cpu, clock) = (server.cpu_ns(), std::time::Instant::now());
            let requests = load.waves(effort.round) as f64;
            // The first round warms up.
            if round > 0 {
                seen.cpu_us.push((server.cpu_ns() - cpu) as f64 / requests / 1_000.0);
                seen.per_second.push(requests / clock.elapsed().as_secs_f64());
            }
        }
        for ((_, load), seen) in loads.iter_mut().zip(&mut seen) {
            let latencies = load.latencies(effort.round);
            if round > 0 {
                seen.p99_us.push(p99(latencies));
            }
        }
    }

    println!("\n## {} ({} bytes, answer {} bytes)", question.name, requests[2].len(), bodies[0].len());
    println!("{:<34} {:>18} {:>20} {:>24}", "", "CPU µs, min/median", "p99 µs, min/median", "requests/s, max/median");
    for (name, seen) in ["bare, bytes that lie ready", "bare, from structures", "ff-server"].into_iter().zip(&mut seen) {
        let most = seen.per_second.iter().copied().fold(0.0, f64::max);
        let (cpu, p99) = (least(&seen.cpu_us), least(&seen.p99_us));
        let (cpu_median, p99_median, per_second) = (median(&mut seen.cpu_us), median(&mut seen.p99_us), median(&mut seen.per_second));
        println!("{name:<34} {cpu:>9.2} {cpu_median:>8.2} {p99:>11.0} {p99_median:>8.0} {most:>13.0} {per_second:>10.0}");
    }
    let [ready, typed, real] = &mut seen;
    let ratio = |of: &mut Vec<f64>, to: &mut Vec<f64>| (least(of) / least(to), median(of) / median(to));
    let (to_ready, to_ready_median) = ratio(&mut real.cpu_us, &mut ready.cpu_us);
    println!("CPU time, as a multiple of the one whose bytes lie ready: {to_ready:.2} (medians {to_ready_median:.2})");
    let (minima, medians) = ratio(&mut real.cpu_us, &mut typed.cpu_us);
    let (must, goal) = question.bounds;
    // Medians swing with what else the machine does, the least that was seen does so less: that is judged.
    verdict.at_most(&format!("CPU time, as a multiple of the bare server's (medians {medians:.2})"), minima, "", must, goal);
    // Of the tail, the least that was seen is luck.
    let (_, p99) = ratio(&mut real.p99_us, &mut typed.p99_us);
    verdict.at_most(&format!("p99 at {CONNECTIONS} connections, as a multiple, medians"), p99, "", P99_RATIO_MAX, P99_RATIO_MAX);
}

/// The file with the real server's answers, for the bare one.
fn answers(real: &Server, data: &Data, question: &Question) -> PathBuf {
    let mut connection = Connection::open(real.address);
    let is_batch = question.bounds != QUESTIONS[0].bounds;
    let batch = if is_batch { (question.request)(data, "") } else { data.all("") };
    let texts = [data.one(""), batch].map(|request| {
        let answer = connection.send(&request);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        String::from_utf8(answer.body).unwrap()
    });
    let path = data.folder().join("answers.json");
    fs::write(&path, serde_json::to_vec(&texts).unwrap()).unwrap();
    path
}
