use std::io::Write as _;

use tempfile::NamedTempFile;

use super::*;

const CSV: RowFormat = RowFormat::Csv { delimiter: b',' };
const UNIQUE: RowOrder = RowOrder::Unique { on_exhausted: OnExhausted::Stop };

fn file(content: impl AsRef<[u8]>) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(content.as_ref()).expect("it is ours");
    file
}

fn spec(file: &NamedTempFile, format: RowFormat, order: RowOrder) -> DatasetSpec {
    DatasetSpec { file: file.path().to_owned(), format, order }
}

fn open(file: &NamedTempFile, format: RowFormat, order: RowOrder) -> Arc<Dataset> {
    let specs = [("users".to_owned(), spec(file, format, order))].into();
    let datasets = Datasets::open(&specs, 1, Share::WHOLE);
    datasets.expect("nothing is wrong with it").get("users").expect("it is there")
}

/// All rows of a file as JSON.
fn all(content: impl AsRef<[u8]>, format: RowFormat) -> Vec<String> {
    let file = file(content);
    let dataset = open(&file, format, RowOrder::Sequential);
    (0..dataset.len()).map(|number| dataset.row(number).expect("it is there").json()).collect()
}

#[test]
fn rows_are_read_as_they_stand_in_the_file() {
    for (content, rows, why) in [
        ("name,age\nada,36\n", vec![r#"{"name":"ada","age":"36"}"#], "plain"),
        (
            "name,age\r\nada,36",
            vec![r#"{"name":"ada","age":"36"}"#],
            "a last line that does not end",
        ),
        (
            "\u{feff}name\nada\n",
            vec![r#"{"name":"ada"}"#],
            "a byte order mark is not part of a name",
        ),
        (
            "\nname\n\nada\n\r\nbob\n\n",
            vec![r#"{"name":"ada"}"#, r#"{"name":"bob"}"#],
            "empty lines",
        ),
        ("name\n\"\"\n", vec![r#"{"name":""}"#], "a row of nothing is none of them"),
        ("name,x\n\"a\nb\",\"\"\"\"\n", vec![r#"{"name":"a\nb","x":"\""}"#], "quotes"),
        ("\"na\"\"me\"\n\\\t\n", vec![r#"{"na\"me":"\\\t"}"#], "what JSON writes otherwise"),
    ] {
        assert_eq!(all(content, CSV), rows, "{why}");
    }
    let lines = "\u{feff}{ \"a\": 1 }\r\n\n{\"b\":[]} \n{}";
    assert_eq!(all(lines, RowFormat::JsonLines), ["{ \"a\": 1 }", "{\"b\":[]}", "{}"]);
}

#[test]
fn fields_are_given_as_text() {
    let file = file("name,age\n\"Ada \"\"A\"\"\",36\n");
    let row = open(&file, CSV, RowOrder::Sequential).next(1).expect("there is one");
    for (name, field) in [("name", Some("Ada \"A\"")), ("age", Some("36")), ("Name", None)] {
        assert_eq!(row.get(name).expect("it can be read").as_deref(), field, "{name}");
    }

    let file = self::file(r#"{"text":"a\"b","number":1.50,"no":null,"list":[1, "x"]}"#);
    let dataset = open(&file, RowFormat::JsonLines, RowOrder::Sequential);
    let row = dataset.next(1).expect("there is one");
    for (name, field) in [
        ("text", Some("a\"b")),
        ("number", Some("1.50")),
        ("no", None),
        ("list", Some(r#"[1, "x"]"#)),
        ("other", None),
    ] {
        assert_eq!(row.get(name).expect("it can be read").as_deref(), field, "{name}");
    }
}

#[test]
fn any_row_of_many_is_found() {
    // Rows of many lengths, some longer than the distance of two marks, with empty lines between.
    let row = |n: usize| format!("{n},\"{}\n\"", "x".repeat(n * 7 % 3_000));
    let rows: Vec<String> = (0..2_000).map(|n| row(n) + &"\n".repeat(n % 3 + 1)).collect();
    let file = file(format!("n,text\n{}", rows.concat()));
    let dataset = open(&file, CSV, UNIQUE);
    assert_eq!(dataset.len(), 2_000);
    for n in [0, 1, 1_999, 1_000, 7, 998, 1_998] {
        let row = dataset.row(n).expect("it is there");
        assert_eq!(row.get("n").ok().flatten(), Some(n.to_string()));
        assert_eq!(
            row.get("text").ok().flatten().map(|text| text.len()),
            Some(n as usize * 7 % 3_000 + 1)
        );
    }
    assert!(matches!(dataset.row(2_000), Err(NoRow::NoSuchRow)));
    let numbers: Vec<u32> =
        std::iter::from_fn(|| dataset.next(1).ok()).map(|row| row.number()).collect();
    assert_eq!(numbers, (0..2_000).collect::<Vec<_>>());
    assert!(matches!(dataset.next(1), Err(NoRow::Exhausted(OnExhausted::Stop))));
}

#[test]
fn a_file_that_changes_during_the_run_is_noticed() {
    let before = "name,age\nada,36\nalan,41\n";
    for after in [
        &b""[..],
        b"name,age\nada,36",
        b"name,age\nada,36\n\n\n\n\n\n\n\n\n\n",
        b"name,age\nada,36\nal\xffn,41\n",
        b"name,age\nada,36\nalan;41\n",
        b"name,age\nada,36\n\"lan,41\n",
    ] {
        let file = file(before);
        let dataset = open(&file, CSV, RowOrder::Sequential);
        std::fs::write(file.path(), after).expect("it is ours");
        let row = dataset.row(1);
        assert!(matches!(row, Err(NoRow::Changed(_))), "{}", after.escape_ascii());
    }
    let file = file(r#"{"a":1}"#);
    let dataset = open(&file, RowFormat::JsonLines, RowOrder::Sequential);
    std::fs::write(file.path(), r#"{"a":1,"#).expect("it is ours");
    assert!(dataset.row(0).expect("a line is there").get("a").is_err());
}

#[test]
fn all_problems_of_all_datasets_are_said_at_once() {
    let (ragged, short, good) = (file("a\n1,2\n"), file("a\n1\n2\n"), file("a\n1\n"));
    let missing = DatasetSpec { file: "no/such.csv".into(), ..spec(&good, CSV, UNIQUE) };
    let folder = DatasetSpec { file: "/".into(), ..missing.clone() };
    let fail = RowOrder::Unique { on_exhausted: OnExhausted::Fail };
    let wrap = RowOrder::Unique { on_exhausted: OnExhausted::Wrap };
    let specs = BTreeMap::from(
        [
            ("a", spec(&ragged, CSV, RowOrder::ByVu)),
            ("b", missing),
            ("c", folder),
            ("d", spec(&short, CSV, UNIQUE)),
            ("e", spec(&short, CSV, fail)),
            ("f", spec(&short, CSV, wrap)),
            ("g", spec(&good, CSV, RowOrder::Sequential)),
        ]
        .map(|(name, spec)| (name.to_owned(), spec)),
    );
    let problems = Datasets::open(&specs, 3, Share::WHOLE).expect_err("most of them have problems");
    let said: Vec<(&str, Option<u64>, &str)> = problems
        .iter()
        .map(|problem| (problem.dataset.as_str(), problem.line, problem.message.as_str()))
        .collect();
    let few = "has 2 rows for 3 VUs, and `unique` gives each row away once: give it more rows, the run \
               fewer VUs, or let it begin again with `\"onExhausted\": \"wrap\"`";
    assert_eq!(
        said,
        [
            ("a", Some(2), "has 2 fields, but the header has 1"),
            ("b", None, "cannot be read: No such file or directory (os error 2)"),
            ("c", None, "is not a regular file, which can be read from any place"),
            ("d", None, few),
            ("e", None, few),
        ]
    );
}

#[test]
fn a_name_that_is_not_declared_is_told_with_those_that_are() {
    let file = file("a\n1\n");
    let specs = ["users", "terms"].map(|name| (name.to_owned(), spec(&file, CSV, UNIQUE))).into();
    let datasets = Datasets::open(&specs, 1, Share::WHOLE).expect("nothing is wrong with it");
    assert_eq!(
        datasets.get("user").unwrap_err().to_string(),
        "there is no dataset `user`; the run has `terms`, `users`"
    );
    assert_eq!(
        Datasets::default().get("user").unwrap_err().to_string(),
        "there is no dataset `user`; the run has none"
    );
}
