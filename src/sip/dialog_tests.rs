//! A dialog against a peer, and others, that send whatever they like in any order.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Dialog, DialogId, Hop, Method, Name, Peer, Request, Response, Uri};

/// One step: a request that comes, or one of ours.
#[derive(Clone, Debug)]
enum Step {
    Comes(Box<Coming>),
    Goes,
}

/// A request that comes; what is `None` is left out.
#[derive(Clone, Debug)]
struct Coming {
    method: Method,
    cseq: String,
    call_id: &'static str,
    /// Of From, then of To.
    tags: [Option<&'static str>; 2],
    contact: Option<&'static str>,
    /// From which address it comes.
    host: u8,
}

impl Coming {
    /// Whether the dialog is the one that it names.
    fn is_inside(&self) -> bool {
        self.call_id == "c1" && self.tags == [Some("theirs"), Some("ours")]
    }

    fn peer(&self) -> Peer {
        Peer::udp(([192, 0, 2, self.host], 5060).into())
    }

    fn request(&self) -> Request {
        let mut request = Request::new(self.method.clone(), Uri::parse("sip:100@us").unwrap());
        let tagged = |user: &str, tag: Option<&str>| {
            let tag = tag.map(|tag| format!(";tag={tag}")).unwrap_or_default();
            format!("<sip:{user}@example.com>{tag}")
        };
        let [from, to] = self.tags;
        request.headers.push(Name::From, tagged("anna", from));
        request.headers.push(Name::To, tagged("100", to));
        request.headers.push(Name::CallId, self.call_id);
        let cseq = format!("{} {}", self.cseq, self.method);
        request.headers.push(Name::CSeq, cseq);
        if let Some(contact) = self.contact {
            request.headers.push(Name::Contact, contact);
        }
        request
    }
}

fn cseq() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (0..30_u32).prop_map(|number| number.to_string()),
        1 => any::<u32>().prop_map(|number| number.to_string()),
        1 => select(vec!["", "x", "-1", "+7", "99999999999"]).prop_map(str::to_owned),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    use Method::{Bye, Info, Invite, Message, Notify, Refer, Update};
    let method = select(vec![Invite, Update, Info, Refer, Notify, Message, Bye]);
    let call_id = prop_oneof![8 => Just("c1"), 1 => Just("c2")];
    let tag = |own| {
        prop_oneof![
            10 => Just(Some(own)),
            1 => Just(Some("others")),
            1 => Just(None),
        ]
    };
    let contact = prop_oneof![
        5 => select(vec!["<sip:a@a.example>", "<sip:b@192.0.2.99:5070>", "sip:c@c.example"])
            .prop_map(Some),
        1 => select(vec!["*", "<sip:open", "", "<>"]).prop_map(Some),
        1 => Just(None),
    ];
    let tags = (tag("theirs"), tag("ours"));
    let coming = (method, cseq(), call_id, tags, contact, 1..5_u8);
    let coming = coming.prop_map(|(method, cseq, call_id, (from, to), contact, host)| {
        Step::Comes(Box::new(Coming {
            method,
            cseq,
            call_id,
            tags: [from, to],
            contact,
            host,
        }))
    });
    vec(prop_oneof![6 => coming, 1 => Just(Step::Goes)], 0..40)
}

/// As [`Coming`] began it, at 5.
fn dialog() -> Dialog {
    let begun = Coming {
        method: Method::Invite,
        cseq: "5".to_owned(),
        call_id: "c1",
        tags: [Some("theirs"), None],
        contact: Some("<sip:anna@192.0.2.7>"),
        host: 7,
    };
    Dialog::from_request(&begun.request(), "ours", "sip:us", begun.peer()).unwrap()
}

/// What a dialog may be moved in.
fn place(dialog: &Dialog) -> (Uri, Peer) {
    (dialog.target().clone(), dialog.peer())
}

/// What comes of one request inside the dialog; the number that counts after it.
fn comes(dialog: &mut Dialog, coming: &Coming, last: u32) -> Result<u32, TestCaseError> {
    let (before, request) = (place(dialog), coming.request());
    if let Err(code) = dialog.accept(&request, coming.peer()) {
        prop_assert!(matches!(code, 400 | 500));
        prop_assert_eq!(place(dialog), before);
        return Ok(last);
    }
    prop_assert!(!coming.cseq.starts_with('+'));
    let number = coming.cseq.parse().unwrap_or(0);
    prop_assert!(number > last, "{} after {}", number, last);
    let (target, peer) = place(dialog);
    prop_assert_eq!(peer, coming.peer());
    let refreshes = [
        Method::Invite,
        Method::Update,
        Method::Refer,
        Method::Subscribe,
    ];
    let named = coming.contact.filter(|contact| *contact != "*");
    match named.filter(|_| refreshes.contains(&coming.method)) {
        Some(contact) => prop_assert!(contact.contains(&target.to_string())),
        None => prop_assert_eq!(target, before.0),
    }
    Ok(number)
}

proptest! {
    /// RFC 3261 section 12.2.2.
    #[test]
    fn whatever_comes_only_newer_requests_of_the_dialog_move_it(steps in steps()) {
        let mut dialog = dialog();
        let id = dialog.id().clone();
        let (mut last, mut ours) = (5, dialog.local_cseq());
        for step in steps {
            match step {
                Step::Goes => {
                    let request = dialog.request(Method::Info);
                    let number = request.headers.cseq().unwrap().number;
                    prop_assert_eq!(number, ours + 1);
                    prop_assert_eq!(&request.uri, dialog.target());
                    ours = number;
                }
                Step::Comes(coming) => {
                    let named = DialogId::of_request(&coming.request());
                    prop_assert_eq!(named.as_ref() == Some(&id), coming.is_inside());
                    if coming.is_inside() {
                        last = comes(&mut dialog, &coming, last)?;
                    }
                }
            }
            prop_assert_eq!(dialog.id(), &id);
        }
        // The peer can go on: nothing that came has used up its numbers.
        let next = Coming {
            cseq: last.saturating_add(1).min(0x7fff_ffff).to_string(),
            method: Method::Info,
            call_id: "c1",
            tags: [Some("theirs"), Some("ours")],
            contact: None,
            host: 1,
        };
        prop_assert_eq!(dialog.accept(&next.request(), next.peer()).is_ok(), last < 0x7fff_ffff);
    }
}

/// RFC 3261 section 12.2.1.1. Of the addresses themselves `hop` tells.
#[test]
fn requests_go_to_the_first_proxy_or_to_the_target() {
    let from = Peer::udp("192.0.2.7:5070".parse().unwrap());
    for (route, contact, goes, phone) in [
        ("", "sip:a@192.0.2.9", "192.0.2.9:5060", "192.0.2.7:5070"),
        (
            "",
            "sip:a@[2001:db8::1]",
            "192.0.2.7:5070",
            "192.0.2.7:5070",
        ),
        (
            "<sip:p.example;lr>",
            "sip:a@192.0.2.9",
            "192.0.2.7:5070",
            "192.0.2.7:5070",
        ),
        (
            "<sip:192.0.2.50;lr>",
            "sip:a@192.0.2.9",
            "192.0.2.50:5060",
            "192.0.2.50:5060",
        ),
        (
            "<sip:192.0.2.50:7>",
            "sip:a@192.0.2.9",
            "192.0.2.50:7",
            "192.0.2.50:7",
        ),
        (
            "<sip:10.0.0.1;lr>",
            "sip:a@192.0.2.9",
            "192.0.2.7:5070",
            "10.0.0.1:5060",
        ),
        (
            "<sip:[2001:db8::1]:5062;lr>",
            "sip:a@192.0.2.9",
            "192.0.2.7:5070",
            "[2001:db8::1]:5062",
        ),
        // Us.
        (
            "",
            "sip:a@198.51.100.1:5070",
            "192.0.2.7:5070",
            "192.0.2.7:5070",
        ),
    ] {
        let request = invite(route, contact);
        let make = |hop| Dialog::from_request(&request, "ours", "sip:198.51.100.1:5070", hop);
        let dialog = make(Hop::heard(from)).unwrap();
        assert_eq!(
            dialog.hop().peer().remote.to_string(),
            goes,
            "{route} {contact}"
        );
        // A phone of ours stays with the flow that it opened.
        let hop = make(Hop::Flow(from)).unwrap().hop();
        assert_eq!(
            hop,
            Hop::Flow(Peer::udp(phone.parse().unwrap())),
            "{route} {contact}"
        );
    }
}

#[test]
fn whoever_gives_another_target_is_reached_there() {
    let from = Peer::udp("192.0.2.7:5070".parse().unwrap());
    let moved = |dialog: &Dialog| dialog.hop().peer().remote.to_string();
    for method in [Method::Update, Method::Invite] {
        let mut request = invite("", "sip:a@192.0.2.7:5070");
        let mut dialog =
            Dialog::from_request(&request, "ours", "sip:us", Hop::heard(from)).unwrap();
        request.headers.set(Name::CSeq, format!("6 {method}"));
        request.headers.set(Name::Contact, "<sip:a@192.0.2.9>");
        request.method = method.clone();
        dialog.accept(&request, from).unwrap();
        assert_eq!(moved(&dialog), "192.0.2.9:5060");
        let mut response = Response::to(&dialog.request(method), 180);
        response.headers.push(Name::Contact, "<sip:a@192.0.2.10>");
        dialog.refresh(&response, from);
        assert_eq!(moved(&dialog), "192.0.2.9:5060", "only an answer counts");
        response.code = 200;
        dialog.refresh(&response, from);
        assert_eq!(moved(&dialog), "192.0.2.10:5060");
    }
}

fn invite(route: &str, contact: &str) -> Request {
    let mut request = Request::new(Method::Invite, Uri::parse("sip:100@198.51.100.1").unwrap());
    let headers = &mut request.headers;
    headers.push(Name::From, "<sip:anna@example.com>;tag=theirs");
    headers.push(Name::To, "<sip:100@example.com>");
    headers.push(Name::CallId, "c1");
    headers.push(Name::CSeq, "5 INVITE");
    headers.push(Name::Contact, format!("<{contact}>"));
    if !route.is_empty() {
        headers.push(Name::RecordRoute, route);
    }
    request
}
