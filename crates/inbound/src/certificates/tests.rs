//! Certificates by name, and what is said of bad ones.

use super::*;

fn pem(hosts: &[&str]) -> Pem {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    self_signed(&hosts).unwrap()
}

#[test]
fn a_certificate_is_found_by_its_names() {
    let certificates =
        Certificates::read(&[pem(&["a.example"]), pem(&["*.b.example", "A.example"])]).unwrap();
    let (first, second) =
        (&certificates.by_name["a.example"], &certificates.by_name["*.b.example"]);
    let is = |host: &str, key: &Arc<CertifiedKey>| {
        Arc::ptr_eq(&certificates.find(host).expect("there is one"), key)
    };
    assert!(is("a.example", first) && is("A.EXAMPLE", first) && is("a.example.", first));
    assert!(is("x.b.example", second));
    assert!(is("y.x.b.example", first), "a wildcard stands for one label");
    assert!(is("b.example", first) && is("", first) && is("localhost", first));
}

#[test]
fn what_is_wrong_is_said() {
    let (one, other) = (pem(&["a.example"]), pem(&["a.example"]));
    let said = |chain: &[u8], private_key: &[u8]| {
        let pem = Pem { chain: chain.to_vec(), private_key: private_key.to_vec() };
        check(&pem).unwrap_err().to_string()
    };
    assert!(said(&one.chain, &other.private_key).contains("not the certificate's"));
    assert!(said(b"", &one.private_key).contains("no certificate in the file"));
    assert!(said(&one.chain, b"").contains("no private key"));
    assert!(said(&one.private_key, &one.private_key).contains("no certificate"));
    assert!(
        said(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &one.private_key)
            .contains("cannot be used")
    );
    assert_eq!(check(&one).unwrap(), ["a.example", "localhost"]);
}
