#![no_main]
quorate_libfuzzer::target!("store");
