#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cannula_tests::fuzz::run("typed", data));
