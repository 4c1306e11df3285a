#![no_main]
quorate_libfuzzer::target!("ceremony_store");
