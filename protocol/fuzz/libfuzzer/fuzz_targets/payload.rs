#![no_main]
quorate_libfuzzer::target!("payload");
