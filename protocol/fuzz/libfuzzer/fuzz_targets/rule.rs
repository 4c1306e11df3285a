#![no_main]
quorate_libfuzzer::target!("rule");
