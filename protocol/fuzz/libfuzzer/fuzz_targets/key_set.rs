#![no_main]
quorate_libfuzzer::target!("key_set");
