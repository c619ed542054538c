//! What the parser reads, what it refuses, and that what is printed is read back.

use std::time::{Duration, Instant};

use pabawi_domain::condition::{FactCondition, FactPath, FactTest, LastCondition, LastOutcome};
use proptest::prelude::*;

use super::*;
use crate::dialect::Dialect;

fn faults(text: &str) -> Vec<(usize, String)> {
    let errors = Expression::parse(text).unwrap_err();
    errors.0.iter().map(|error| (error.column, error.to_string())).collect()
}

fn selectors(text: &str) -> Vec<(Option<Operator>, Selector)> {
    let parsed = Expression::parse(text).unwrap();
    parsed.terms().map(|(operator, term)| (operator, term.selector.clone())).collect()
}

#[test]
fn terms_stand_apart_with_their_columns() {
    let parsed = Expression::parse("web[1,2], @db , all,\"odd,name\",w*,@\"a, b\",root@[::1]:22").unwrap();
    let terms: Vec<&Term> = parsed.terms().map(|(_, term)| term).collect();
    let columns: Vec<usize> = terms.iter().map(|term| term.column).collect();
    assert_eq!(columns, [1, 11, 17, 21, 32, 35, 43]);
    assert!(matches!(terms[0].selector, Selector::Names(_)));
    assert!(matches!(terms[1].selector, Selector::Groups(_)));
    assert!(matches!(terms[2].selector, Selector::All));
    assert_eq!(terms[3].selector, Selector::Names(Pattern::literal("odd,name")));
    assert!(matches!(terms[4].selector, Selector::Glob(_)));
    let named = GroupRef { source: None, name: "a, b".to_owned() };
    assert_eq!(terms[5].selector, Selector::GroupNamed(named));
    assert_eq!(terms[6].selector, Selector::Destination("root@[::1]:22".into()));
}

#[test]
fn operators_and_parentheses() {
    use Operator::{Difference, Intersection, SymmetricDifference, Union};
    let read = selectors("a & (b , c!d) ! @e^~x\\~y~");
    let operators: Vec<Option<Operator>> = read.iter().map(|(operator, _)| *operator).collect();
    assert_eq!(operators, [None, Some(Intersection), Some(Difference), Some(SymmetricDifference)]);
    let Selector::Nested(inner) = &read[1].1 else { panic!("{read:?}") };
    let inner: Vec<Operator> = inner.rest.iter().map(|(operator, _)| *operator).collect();
    assert_eq!(inner, [Union, Difference]);
    assert_eq!(read[3].1, Selector::Regex(NameRegex::new("x~y").unwrap()));
}

#[test]
fn groups_of_sources() {
    let group = |source: Option<&str>, name: &str| {
        Selector::Groups(GroupRef { source: source.map(str::to_owned), name: Pattern::parse(name).unwrap() })
    };
    let named = |source: Option<&str>, name: &str| {
        Selector::GroupNamed(GroupRef { source: source.map(str::to_owned), name: name.to_owned() })
    };
    for (text, wanted) in [
        ("@puppetdb:web", group(Some("puppetdb"), "web")),
        ("@file:/etc/nodes.yaml:rack[1-3]", group(Some("file:/etc/nodes.yaml"), "rack[1-3]")),
        ("@\"a:b\"", named(None, "a:b")),
        ("@puppetdb:\"a:b\"", named(Some("puppetdb"), "a:b")),
        ("@\"--hosts (2)\":web", group(Some("--hosts (2)"), "web")),
        ("@\"x\":\"y\"", named(Some("x"), "y")),
        ("@rack[a:b]", group(None, "rack[a:b]")),
    ] {
        assert_eq!(selectors(text)[0].1, wanted, "{text}");
    }
}

#[test]
fn every_fault_is_told_at_once_with_what_to_write() {
    let found = faults("web[9-1], ,a b,web1&,@,(x,fact(a==b),~(~,last(nope))");
    let columns: Vec<usize> = found.iter().map(|(column, _)| *column).collect();
    assert_eq!(columns, [5, 11, 14, 21, 23, 27, 38, 42], "{found:?}");
    for (text, column, part) in [
        ("a,", 3, "a target after ','"),
        ("   ", 1, "no targets"),
        ("\"abc", 1, "closing '\"'"),
        ("!web2", 1, "write all!web2"),
        ("a,!web2", 3, "write all!web2"),
        ("&a", 1, "before '&'"),
        ("(a", 1, "no closing ')'"),
        ("a)", 2, "closes nothing"),
        ("()", 2, "after '('"),
        ("(a,)", 4, "after ','"),
        ("~web", 1, "closing '~'"),
        ("~(~", 1, "unclosed group"),
        ("@:web", 2, "source name"),
        ("@src:", 6, "group name after ':'"),
        ("@\"src\":a:b", 8, "in quotes"),
        ("a (b)", 3, "expected ','"),
    ] {
        let found = faults(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!(found[0].0, column, "{text}: {found:?}");
        assert!(found[0].1.contains(part), "{text}: {found:?}");
    }
}

#[test]
fn size_depth_and_number_are_limited() {
    let started = Instant::now();
    let deep = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Expression::parse(&deep(MAX_DEPTH)).is_ok());
    assert!(faults(&deep(MAX_DEPTH + 1))[0].1.contains("64 parentheses"));
    assert!(faults(&"(".repeat(1_000_000))[0].1.contains("64 parentheses"));
    assert!(faults(&"&,".repeat(100_000)).len() <= MAX_FAULTS);
    assert!(faults(&")".repeat(100_000)).len() <= MAX_FAULTS);
    assert!(faults(&"!".repeat(10_000)).len() <= MAX_FAULTS + 1);
    assert!(faults(&"a,".repeat(3_000_000))[0].1.contains("longer than"));
    assert!(faults(&"~a~,".repeat(500_000))[0].1.contains("more than 100 regular expressions"));
    assert!(faults(&"last(failed),".repeat(100_000))[0].1.contains("more than 100 terms"));
    assert!(Expression::parse("n[1-999999999]").is_ok(), "its size is known before it is expanded");
    assert!(started.elapsed() < Duration::from_secs(20));
}

fn word() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9._-]{0,5}".prop_filter("not a word of the language", |word| word != "all")
}

fn item() -> impl Strategy<Value = Item> {
    prop_oneof![
        word().prop_map(Item::Word),
        (0u64..200, 0u64..200, 1u64..4, any::<bool>()).prop_map(|(first, more, step, pad)| {
            let digits = first.checked_ilog10().unwrap_or(0) as usize + 1;
            Item::Range { first, last: first + more, step, width: if pad { digits + 1 } else { 0 } }
        }),
    ]
    .prop_filter("both ends padded alike", |item| match item {
        Item::Range { first, last, step, width } => {
            let text = Item::Range { first: *first, last: *last, step: *step, width: *width }.to_string();
            Pattern::parse(&format!("[{text}]")).is_ok()
        }
        Item::Word(_) => true,
    })
}

fn pattern() -> impl Strategy<Value = Pattern> {
    (word(), proptest::option::of(proptest::collection::vec(item(), 1..4)), proptest::option::of(word()))
        .prop_map(|(head, items, tail)| {
            let items = items.map(|items| {
                let texts: Vec<String> = items.iter().map(ToString::to_string).collect();
                format!("[{}]", texts.join(","))
            });
            let text = format!("{head}{}{}", items.unwrap_or_default(), tail.unwrap_or_default());
            Pattern::parse(&text).unwrap()
        })
}

fn source() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(prop_oneof![word(), Just("file:/etc/a.yaml".to_owned()), "\\PC{0,8}"])
}

fn fact() -> impl Strategy<Value = FactCondition> {
    let value = prop_oneof![word(), "\\PC{0,8}"];
    let test = prop_oneof![
        Just(FactTest::Present),
        value.clone().prop_map(FactTest::Equals),
        value.clone().prop_map(FactTest::Differs),
        value.clone().prop_map(FactTest::Less),
        value.clone().prop_map(FactTest::AtMost),
        value.clone().prop_map(FactTest::Greater),
        value.prop_map(FactTest::AtLeast),
        "[a-c\"()^$|]{0,6}".prop_filter("a regular expression", |t| check(t)).prop_map(FactTest::Matches),
    ];
    let path = prop_oneof![word(), "\\PC{1,8}"]
        .prop_filter_map("a path", |path| FactPath::new(&path).ok().filter(|_| path.trim() == path));
    (path, test).prop_map(|(path, test)| FactCondition { path, test })
}

fn check(regex: &str) -> bool {
    crate::expression::name_regex::check_for_facts(regex).is_ok()
}

fn selector() -> impl Strategy<Value = Selector> {
    let within = proptest::option::of((0u64..10_000_000_000).prop_map(Duration::from_millis));
    let outcome = proptest::sample::select(LastOutcome::ALL.to_vec());
    let leaf = prop_oneof![
        4 => pattern().prop_map(Selector::Names),
        1 => "\\PC{0,8}".prop_map(|name| Selector::Names(Pattern::literal(name))),
        1 => Just(Selector::All),
        2 => pattern().prop_map(|pattern| {
            Selector::Glob(Pattern::parse(&format!("{pattern}*")).unwrap())
        }),
        1 => "[a-c~|\\\\.^$]{0,8}".prop_filter_map("a regular expression", |text| {
            NameRegex::new(&text).ok().map(Selector::Regex)
        }),
        2 => (source(), pattern())
            .prop_map(|(source, name)| Selector::Groups(GroupRef { source, name })),
        1 => (source(), "\\PC{0,8}")
            .prop_map(|(source, name)| Selector::GroupNamed(GroupRef { source, name })),
        1 => fact().prop_map(Selector::Fact),
        1 => (outcome, within).prop_map(|(outcome, within)| {
            Selector::Last(LastCondition { outcome, within })
        }),
        1 => Just(Selector::Destination("root@[::1]:22".to_owned())),
        1 => "[a-z:&!*,\" ]{0,8}[a-z]".prop_filter_map("a pattern", |text| {
            Dialect::Ansible.check(&text).ok().map(|()| Selector::Foreign(Dialect::Ansible, text))
        }),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        expression_of(inner).prop_map(|inner| Selector::Nested(Box::new(inner)))
    })
}

fn expression_of(selector: impl Strategy<Value = Selector> + Clone) -> impl Strategy<Value = Expression> {
    let term = selector.prop_map(|selector| Term { column: 0, selector });
    let operator = proptest::sample::select(Operator::ALL.to_vec());
    (term.clone(), proptest::collection::vec((operator, term), 0..5))
        .prop_map(|(first, rest)| Expression { first, rest })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_makes_it_panic_or_run_on(text in "[a-c0-9\\[\\],@~&!^()*?\"\\\\ /:=-]{0,40}|\\PC{0,20}") {
        // What it reads, it prints so that it reads the same again.
        if let Ok(parsed) = Expression::parse(&text) {
            let printed = parsed.to_string();
            prop_assert_eq!(Expression::parse(&printed).unwrap(), parsed, "{}", printed);
        }
    }

    #[test]
    fn what_is_printed_is_read_back(expression in selector().prop_flat_map(|_| expression_of(selector().boxed()))) {
        let printed = expression.to_string();
        let parsed = Expression::parse(&printed);
        prop_assert!(parsed.is_ok(), "{}: {:?}", printed, parsed);
        let parsed = parsed.unwrap();
        prop_assert_eq!(&parsed, &expression, "{}", printed);
        prop_assert_eq!(parsed.to_string(), printed);
    }
}
