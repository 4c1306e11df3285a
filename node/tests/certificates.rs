//! The certificates of the documentation, verified by programs that share no code with ours: the
//! script, the python module `cryptography`, `openssl`, and what the page says to type.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use common::{repository, run, script, skipped, there_are};
use serde_json::Value;

/// The files, and the key they are signed with.
fn vectors() -> Vec<(PathBuf, String)> {
    let folder = repository().join("docs/certificates");
    let key = |path: &PathBuf| read(path)["network"]["key"].as_str().unwrap().to_owned();
    ["plain", "accountable"]
        .iter()
        .map(|name| folder.join(name).with_extension("cert"))
        .map(|path| (path.clone(), key(&path)))
        .collect()
}

fn read(path: &PathBuf) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn two_verifiers_say_the_same() {
    for (path, key) in vectors() {
        let file = path.display().to_string();
        let verified = run(&["verify", &file, "--network-key", &key]).ok();
        assert_eq!(verified.count("certificate: verified"), 1, "{verified:?}");
        let other = "58".to_owned() + &"66".repeat(31);
        run(&["verify", &file, "--network-key", &other]).failed(12, "another network", "compare");
        let Some(script) = script() else { continue };
        let verified = Command::new(&script).args([&file, &key]).output().unwrap();
        assert!(verified.status.success(), "{}", said(&verified));
        let words = String::from_utf8(verified.stdout).unwrap();
        let words: Value =
            serde_json::from_str(words.strip_prefix("certificate: verified\n").unwrap()).unwrap();
        let mut all = read(&path);
        all.as_object_mut().unwrap().retain(|name, _| name != "roster" && name != "certificate");
        assert_eq!(words, all);
        let refused = Command::new(&script).args([&file, &other]).output().unwrap();
        assert_eq!(refused.status.code(), Some(12), "{}", said(&refused));
    }
}

/// Every so many bits: python is slow. The program itself is tested with all of them.
#[test]
fn the_script_refuses_flipped_bits() {
    const FLIP: &str = "
import importlib.machinery, importlib.util, sys
loader = importlib.machinery.SourceFileLoader('script', sys.argv[1])
script = importlib.util.module_from_spec(importlib.util.spec_from_loader('script', loader))
loader.exec_module(script)
data, key = bytearray(open(sys.argv[2], 'rb').read()), bytes.fromhex(sys.argv[3])
script.verify(data.decode(), key)
refusals = script.Refused, ValueError, KeyError, TypeError, IndexError, AttributeError
for bit in range(0, 8 * len(data), 41):
    data[bit // 8] ^= 1 << bit % 8
    try:
        script.verify(data.decode(), key)
        sys.exit(f'bit {bit} can be flipped')
    except refusals:
        pass
    data[bit // 8] ^= 1 << bit % 8
";
    let Some(script) = script() else { return };
    for (path, key) in vectors() {
        let mut flip = Command::new("python3");
        let ended = flip.args(["-c", FLIP]).arg(&script).arg(path).arg(key).output().unwrap();
        assert!(ended.status.success(), "{}", said(&ended));
    }
}

/// Each of the two ways in which the script can check a signature, whichever it prefers.
#[test]
fn both_stock_verifiers_take_the_signature() {
    const BOTH: &str = "
import builtins, importlib.machinery, importlib.util, sys
loader = importlib.machinery.SourceFileLoader('script', sys.argv[1])
script = importlib.util.module_from_spec(importlib.util.spec_from_loader('script', loader))
loader.exec_module(script)
if sys.argv[4] == 'openssl':
    script.signed = script.signed_says_openssl
else:
    import cryptography
script.verify(open(sys.argv[2]).read(), bytes.fromhex(sys.argv[3]))
";
    let Some(script) = script() else { return };
    for (path, key) in vectors() {
        for verifier in ["openssl", "cryptography"] {
            let there = match verifier {
                "openssl" => there_are(&["openssl"]),
                module => {
                    let mut import = Command::new("python3");
                    let import = import.args(["-c", "import cryptography"]).output().unwrap();
                    let there = import.status.success();
                    there || skipped::<()>(module).is_some()
                }
            };
            if there {
                let mut python = Command::new("python3");
                let ended = python.args(["-c", BOTH]).arg(&script).arg(&path);
                let ended = ended.args([&key, verifier]).output().unwrap();
                assert!(ended.status.success(), "{verifier}: {}", said(&ended));
            }
        }
    }
}

/// What the page says to type, as it stands there.
#[test]
fn the_signature_is_verified_by_hand_as_the_page_says() {
    if !there_are(&["jq", "base64", "od", "xxd", "openssl"]) {
        return;
    }
    let page = fs::read_to_string(repository().join("docs/certificate.md")).unwrap();
    let (_, after) = page.split_once("## By hand").unwrap();
    let (lines, _) = after.split_once("```sh\n").unwrap().1.split_once("```").unwrap();
    for (path, key) in vectors() {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(path, folder.path().join("decision.cert")).unwrap();
        let shell = |lines: &str| {
            let mut shell = Command::new("sh");
            shell.args(["-ec", lines]).env("KEY", &key).current_dir(&folder).output().unwrap()
        };
        let ended = shell(lines);
        assert!(ended.status.success(), "{}", said(&ended));
        let (_, verify) = lines.rsplit_once("openssl pkeyutl").unwrap();
        let verify = format!("printf x >> statement; openssl pkeyutl{verify}");
        assert!(!shell(&verify).status.success(), "a longer statement");
    }
}
