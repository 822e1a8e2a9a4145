# List the recipes.
default:
    @just --list

# Everything that must hold before a change lands, exactly as the pipeline runs it.
ci:
    .ci/run

# Formatting, lints and documentation, warnings denied.
lint:
    .ci/run format lint doc

# All tests, on SQLite and PostgreSQL.
test:
    .ci/run tools tests

# The tests that need PostgreSQL, against a server of yours: `just test-pg postgres://user:password@host/database`.
test-pg url:
    FF_TEST_POSTGRES_URL={{ url }} cargo test --workspace --no-fail-fast

# The engine against the slow interpreter on a million generated cases.
oracle cases="1000000":
    FF_ORACLE_CASES={{ cases }} cargo test --release -p ff-core --test properties

# One fuzz target (ruleset, condition, user) for a while, from the tests' own data. Needs cargo-fuzz; any toolchain will do.
fuzz target seconds="600":
    cargo run --quiet --manifest-path fuzz/Cargo.toml --example seeds -- fuzz/corpus
    cargo fuzz run --sanitizer none {{ target }} -- -dict=fuzz/dictionary.txt -max_total_time={{ seconds }} -timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=512 -max_len=8192

# Changes the engine in one place after the other, and tells which changes no test notices. Needs cargo-mutants, and hours.
mutants *args:
    FF_PROPERTY_PERCENT=10 FF_ORACLE_CASES=4000 FF_PROPERTY_SEED=1 cargo mutants --package ff-core {{ args }}

# The engine's unit tests under Miri. Needs a nightly toolchain with the components miri and rust-src, and an hour.
miri *filter:
    cargo +nightly miri test --package ff-core --lib -- --skip great_many --skip million --skip ten_thousand {{ filter }}

# The server in the newcomer's mode: SQLite, loopback, demo tenant.
dev *args:
    cargo run --release -- --dev {{ args }}

# The demo tenant `acme` in the database that DB_DSN names.
demo:
    cargo run --release -- seed

# Bring the database that DB_DSN names up to date.
migrate:
    cargo run --release -- migrate

# Wall times of the engine and of the server.
bench *filter:
    cargo bench --workspace -- {{ filter }}

# Agree on the public API of ff-core as it is now; shows what changed. `.ci/run api` only compares.
public-api:
    cargo run --quiet -p ff-surface -- bless

# Count instructions and compare them with the baseline, as the pipeline does.
instructions:
    .ci/instructions check

# Make the instruction counts of now the baseline; the reason is kept beside them: `just instructions-accept "folds once per user"`.
instructions-accept reason:
    .ci/instructions accept {{ quote(reason) }}

# Wall times of BASE against those of the working tree, measured in turns: `just bench-compare main`, `… main --quick W4`.
bench-compare base *args:
    .ci/bench-compare {{ quote(base) }} {{ args }}

# The documentation of the crates.
doc:
    cargo doc --workspace --no-deps --open

# Line coverage of the engine. Needs cargo-llvm-cov, and LLVM's tools of rustc's own version (LLVM_COV, LLVM_PROFDATA).
coverage:
    cargo llvm-cov --package ff-core --summary-only --fail-under-lines 95 --ignore-filename-regex '/(tests|benches)/'
