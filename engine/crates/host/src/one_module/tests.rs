use wasmparser::{Parser, Payload};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store};

use super::{Unmerged, one_module};

/// A component as the tools link it, with this in its first library, in its second, and beside them.
///
/// The first begins at 1024 in the memory and at 1 in the table, the second at 2048 and at 4. What the host gives is
/// reached through a table of its own, which is filled last. `run` is the second's.
fn linked(first: &str, second: &str, beside: &str) -> String {
    format!(
        r#"(component
            (import "host" (func $host (param "number" u32) (result u32)))
            (core module $shim
                (type $t (func (param i32) (result i32)))
                (table (export "$imports") 1 1 funcref)
                (func (export "0") (type $t)
                    (call_indirect (type $t) (local.get 0) (i32.const 0))))
            (core module $env
                (table (export "table") 8 funcref)
                (memory (export "memory") 1)
                (global (export "sp") (mut i32) (i32.const 512))
                (global (export "first:memory") i32 (i32.const 1024))
                (global (export "first:table") i32 (i32.const 1))
                (global (export "second:memory") i32 (i32.const 2048))
                (global (export "second:table") i32 (i32.const 4))
                (global (export "got") (mut i32) (i32.const 1028))
                (func (export "later") (result i32)
                    (call_indirect (result i32) (i32.const 7)))
                (data (i32.const 1024) "\01\00\00\00\02\00\00\00"))
            (core module $first
                (import "env" "memory" (memory 1))
                (import "env" "table" (table 3 funcref))
                (import "env" "sp" (global $sp (mut i32)))
                (import "env" "base" (global $base i32))
                (import "env" "table_base" (global $table i32))
                (import "env" "got" (global $got (mut i32)))
                (import "env" "later" (func $later (result i32)))
                (import "host" "host" (func $host (param i32) (result i32)))
                (elem (global.get $table) func $four $forty)
                (func $four (result i32) (i32.const 4))
                (func $forty (result i32) (i32.const 40))
                (func $never (export "never") (i32.store (i32.const 0) (i32.const 1)))
                (func $ask (export "ask") (param i32) (result i32)
                    (global.set $sp (i32.sub (global.get $sp) (i32.const 16)))
                    (call $host (i32.add (local.get 0) (i32.load (global.get $got)))))
                (func (export "later") (result i32) (call $later))
                {first})
            (core module $second
                (import "env" "memory" (memory 1))
                (import "env" "table" (table 3 funcref))
                (import "env" "sp" (global $sp (mut i32)))
                (import "env" "base" (global $base i32))
                (import "env" "table_base" (global $table i32))
                (import "env" "ask" (func $ask (param i32) (result i32)))
                (import "env" "later" (func $later (result i32)))
                (global $own i32 (i32.add (global.get $base) (i32.const 4)))
                (elem (i32.add (global.get $table) (i32.const 3)) func $six)
                (func $six (result i32) (i32.const 600))
                (func (export "run") (result i32)
                    (i32.add (call $ask (i32.const 3))
                        (i32.add (i32.mul (global.get $sp) (i32.const 1000000))
                            (i32.add (call $later) (call $more)))))
                {second})
            (core module $fill
                (import "shim" "$imports" (table 1 1 funcref))
                (import "host" "0" (func $host (param i32) (result i32)))
                (elem (i32.const 0) func $host))

            (core instance $shim (instantiate $shim))
            (core instance $env (instantiate $env))
            (alias core export $env "first:memory" (core global $first_memory))
            (alias core export $env "first:table" (core global $first_table))
            (alias core export $env "second:memory" (core global $second_memory))
            (alias core export $env "second:table" (core global $second_table))
            (alias core export $env "memory" (core memory $memory))
            (alias core export $env "table" (core table $table))
            (alias core export $env "sp" (core global $sp))
            (alias core export $env "got" (core global $got))
            (alias core export $env "later" (core func $env_later))
            (alias core export $shim "0" (core func $shim_host))
            (core instance $first (instantiate $first
                (with "env" (instance
                    (export "memory" (memory $memory)) (export "table" (table $table))
                    (export "sp" (global $sp)) (export "got" (global $got))
                    (export "base" (global $first_memory)) (export "table_base" (global $first_table))
                    (export "later" (func $env_later))))
                (with "host" (instance (export "host" (func $shim_host))))))
            (alias core export $first "ask" (core func $ask))
            (alias core export $first "later" (core func $first_later))
            (core func $lowered (canon lower (func $host) (memory $memory)))
            (core instance $second (instantiate $second
                (with "env" (instance
                    (export "memory" (memory $memory)) (export "table" (table $table))
                    (export "sp" (global $sp))
                    (export "base" (global $second_memory)) (export "table_base" (global $second_table))
                    (export "ask" (func $ask)) (export "later" (func $first_later))))))
            (core instance $fill (instantiate $fill
                (with "shim" (instance $shim))
                (with "host" (instance (export "0" (func $lowered))))))
            {beside}
            (func (export "run") (result u32) (canon lift (core func $second "run"))))"#
    )
}

/// What the second library adds to what `run` returns, where that does not matter.
const NOTHING: &str = "(func $more (result i32) (i32.const 0))";

fn binary(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("a component")
}

/// What its `run` returns. The host adds a thousand to what it is given.
fn ran(component: &[u8]) -> u32 {
    let engine = Engine::new(&Config::new()).expect("an engine");
    let component = Component::new(&engine, component).expect("a valid component");
    let mut linker = Linker::new(&engine);
    let host = |_: wasmtime::StoreContextMut<'_, ()>, (number,): (u32,)| Ok((number + 1_000,));
    linker.root().func_wrap("host", host).expect("a function");
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &component).expect("an instance");
    let run = instance.get_typed_func::<(), (u32,)>(&mut store, "run").expect("it is exported");
    run.call(&mut store, ()).expect("it returns").0
}

/// The component merged, which must not change what it returns.
fn merged(text: &str) -> (Vec<u8>, u32) {
    let component = binary(text);
    let merged = one_module(&component).expect("it can be merged");
    let returned = ran(&component);
    assert_eq!(ran(&merged), returned);
    (merged, returned)
}

/// The modules in it, as text.
fn modules(component: &[u8]) -> Vec<String> {
    let payloads = Parser::new(0).parse_all(component).map(|payload| payload.expect("valid"));
    payloads
        .filter_map(|payload| match payload {
            Payload::ModuleSection { unchecked_range, .. } => {
                let text = wasmprinter::print_bytes(&component[unchecked_range]);
                Some(text.expect("a module"))
            }
            _ => None,
        })
        .collect()
}

/// The one that has the memory.
fn one(component: &[u8]) -> String {
    let whole = modules(component).into_iter().find(|module| module.contains("(memory "));
    whole.expect("a module with a memory")
}

#[test]
fn libraries_that_share_a_table_become_one_module_that_defines_it() {
    let text = linked("", NOTHING, "");
    assert_eq!(modules(&binary(&text)).len(), 5);
    let (component, returned) = merged(&text);
    // 3 and the 2 at 1028, and the host's 1000; 512 less 16; 600 through the table.
    assert_eq!(returned, 1_005 + 496_000_000 + 600);
    let modules = modules(&component);
    let [fill, whole] = &modules[..] else { panic!("{modules:#?}") };
    assert!(!whole.contains("(import"), "the host is reached through the table: {whole}");
    assert!(whole.contains("(table (;1;) 8 funcref)"), "{whole}");
    assert!(whole.contains("(elem (;0;) (table 1) (i32.const 1) func $four $forty)"), "{whole}");
    assert!(whole.contains("(elem (;1;) (table 1) (i32.const 7) func $six)"), "{whole}");
    assert!(fill.contains("(import \"shim\" \"$imports\""), "{fill}");
    assert!(matches!(one_module(&component), Err(Unmerged::NothingShared)), "there is no more");
}

#[test]
fn what_several_modules_write_to_one_place_is_the_last_ones() {
    let over = |value: u8| {
        format!(
            r#"(data (i32.const 3000) "\{value:02x}") (elem (i32.const 0) func $here)
               (func $here (result i32) (i32.const {value}000))"#
        )
    };
    let reads = "(func $more (result i32)
        (i32.add (i32.load8_u (i32.const 3000)) (call_indirect (result i32) (i32.const 0))))";
    let (_, returned) = merged(&linked(&over(1), &format!("{reads} {}", over(2)), ""));
    assert_eq!(returned % 1_000_000, 1_005 + 600 + 2_002);
}

#[test]
fn modules_reach_each_other_both_ways() {
    // The second calls the first directly, the first calls the second through the table and a function of the environment.
    let second = "(elem (i32.const 6) func $ask)
        (func $more (result i32) (call_indirect (param i32) (result i32) (i32.const 50) (i32.const 6)))";
    let (_, returned) = merged(&linked("", second, ""));
    // It asks twice, and takes 16 each time; the first is added before.
    assert_eq!(returned % 1_000_000, 1_005 + 600 + 1_052);
}

#[test]
fn a_global_is_a_constant_unless_somebody_sets_it() {
    let (component, _) = merged(&linked("", NOTHING, ""));
    let whole = one(&component);
    assert!(whole.contains("i32.const 1028\n    i32.load"), "where nothing sets it: {whole}");
    assert_eq!(whole.matches("(global ").count(), 1, "{whole}");
    assert!(whole.contains("(mut i32) i32.const 512"), "{whole}");

    let sets = "(func $more (result i32)
        (global.set $sp (i32.const 1)) (i32.load (global.get $own)))
        (data (i32.const 2052) \"\\07\")";
    let (_, returned) =
        merged(&linked("(func (export \"set\") (global.set $got (i32.const 0)))", sets, ""));
    assert_eq!(returned % 1_000_000, 1_005 + 600 + 7, "what nobody calls sets nothing");
    let sets = "(elem declare func $set) (func $set (global.set $got (i32.const 1024)))";
    let (component, _) = merged(&linked(sets, NOTHING, ""));
    assert!(one(&component).contains("(mut i32) i32.const 1028"));
}

#[test]
fn functions_keep_their_names_and_those_that_nobody_calls_go() {
    let (component, _) = merged(&linked("", NOTHING, ""));
    let whole = one(&component);
    for name in ["$four", "$forty", "$ask", "$six", "$more"] {
        assert!(whole.contains(&format!("(func {name} ")), "{name} in {whole}");
    }
    assert!(!whole.contains("$never"), "{whole}");
}

#[test]
fn segments_that_are_used_later_are_found_by_their_new_numbers() {
    let first = r#"(data $text "\09") (elem $some func $four)"#;
    let second = r#"(data $text "\05") (elem $some func $five) (func $five (result i32) (i32.const 50))
        (func $more (result i32)
            (memory.init $text (i32.const 3000) (i32.const 0) (i32.const 1))
            (table.init $some (i32.const 0) (i32.const 0) (i32.const 1))
            (data.drop $text)
            (i32.add (i32.load8_u (i32.const 3000)) (call_indirect (result i32) (i32.const 0))))"#;
    let (_, returned) = merged(&linked(first, second, ""));
    assert_eq!(returned % 1_000_000, 1_005 + 600 + 55);
}

#[test]
fn the_last_of_the_modules_may_run_as_it_starts() {
    let second = "(func $more (result i32) (i32.load (i32.const 3000)))
        (func $begin (i32.store (i32.const 3000) (i32.const 9))) (start $begin)";
    let (_, returned) = merged(&linked("", second, ""));
    assert_eq!(returned % 1_000_000, 1_005 + 600 + 9);
}

#[test]
fn an_instance_that_needs_the_others_stays_and_finds_them() {
    let beside = r#"
        (core module $other
            (import "first" "ask" (func $ask (param i32) (result i32)))
            (import "env" "memory" (memory 1))
            (func (export "run") (result i32) (call $ask (i32.load (i32.const 1024)))))
        (core instance $other
            (instantiate $other (with "first" (instance $first)) (with "env" (instance $env))))
        (func (export "other") (result u32) (canon lift (core func $other "run")))
        (core func $twice (canon lower (func $host) (memory $memory)))
        (core module $late
            (import "env" "memory" (memory 1))
            (import "env" "host" (func $host (param i32) (result i32)))
            (data (i32.const 1028) "\0a")
            (func (export "run") (result i32) (call $host (i32.const 1))))
        (core instance $late (instantiate $late
            (with "env" (instance (export "memory" (memory $memory)) (export "host" (func $twice))))))
        (func (export "late") (result u32) (canon lift (core func $late "run")))"#;
    let (component, returned) = merged(&linked("", NOTHING, beside));
    assert_eq!(returned % 1_000_000, 1_013 + 600, "what came last wrote over it");
    assert_eq!(modules(&component).len(), 3, "{:#?}", modules(&component));
}

/// Where the second library is made, in [`linked`].
const SECOND: &str = "(core instance $second (instantiate $second";

/// One that needs the first library and is made before the second: it has to be made after both.
fn made_before_the_second(second: &str, between: &str) -> String {
    linked("", second, "").replacen(SECOND, &format!("{between}{SECOND}"), 1)
}

/// One that needs the host's function, which needs the memory, and writes to the memory.
const MOVED: &str = r#"
    (core module $moved
        (import "env" "memory" (memory 1))
        (import "env" "host" (func $host (param i32) (result i32)))
        (data (i32.const 3000) "\01"))
    (core instance $moved (instantiate $moved
        (with "env" (instance (export "memory" (memory $memory)) (export "host" (func $lowered))))))"#;

/// One that needs the host's function and writes to a table that is no library's, and one that does not need it, stays where
/// it is, and has more.
fn staying(more: &str) -> String {
    format!(
        r#"(core module $side (table (export "t") 1 funcref))
        (core instance $side (instantiate $side))
        (core module $moved
            (import "env" "host" (func $host (param i32) (result i32)))
            (import "side" "t" (table 1 funcref))
            (elem (i32.const 0) func $host))
        (core instance $moved (instantiate $moved
            (with "env" (instance (export "host" (func $lowered))))
            (with "side" (instance $side))))
        (core module $staying
            (import "side" "t" (table 1 funcref))
            (func $own)
            {more})
        (core instance $staying (instantiate $staying (with "side" (instance $side))))"#
    )
}

#[test]
fn an_instance_may_be_made_later_where_nobody_sees_it() {
    let reads = "(func $more (result i32) (i32.load8_u (i32.const 3000)))";
    for (between, read) in [(MOVED.to_owned(), 1), (staying(""), 0)] {
        let (_, returned) = merged(&made_before_the_second(reads, &between));
        assert_eq!(returned % 1_000_000, 1_005 + 600 + read, "{between}");
    }
}

#[test]
fn an_instance_is_not_made_later_where_somebody_would_see_it() {
    let writes = format!("{NOTHING} (data (i32.const 3000) \"\\02\")");
    let starts = format!("{NOTHING} (func $begin) (start $begin)");
    let component = format!(
        r#"{MOVED}
        (component $c)
        (instance $c (instantiate $c))"#
    );
    let lift = r#"(func (export "early") (result u32) (canon lift (core func $first_later)))"#;
    for (second, between) in [
        (writes.as_str(), MOVED.to_owned()),
        (&starts, MOVED.to_owned()),
        (NOTHING, staying("(elem (i32.const 0) func $own)")),
        (NOTHING, staying("(start $own)")),
        (NOTHING, component),
        (NOTHING, lift.to_owned()),
    ] {
        let component = binary(&made_before_the_second(second, &between));
        match one_module(&component) {
            Err(why) => assert!(why.to_string().contains("in turn"), "{why}: {between}"),
            Ok(_) => panic!("it was made later: {between}"),
        }
    }
}

#[test]
fn components_in_a_component_are_merged() {
    let inner = linked("", NOTHING, "");
    let outer = format!(
        r#"(component
            (import "host" (func $host (param "number" u32) (result u32)))
            {} 
            (instance $inner (instantiate $inner (with "host" (func $host))))
            (func (export "run") (alias export $inner "run")))"#,
        inner.replacen("(component", "(component $inner", 1)
    );
    let (component, _) = merged(&outer);
    assert_eq!(modules(&component).len(), 2);
}

#[test]
fn what_cannot_be_one_is_left_as_it_was() {
    let starts = "(func $begin (i32.store (i32.const 3000) (i32.const 9))) (start $begin)";
    let recursive = "(rec (type $a (func)) (type $b (func)))";
    let modules = r#"(core module $m) (component $c (alias outer 1 0 (core module)))"#;
    let destroys = r#"(type (resource (rep i32) (dtor (core func $ask))))"#;
    for (component, why) in [
        (linked(starts, NOTHING, ""), "does something as it is loaded"),
        (linked("(memory 1)", NOTHING, ""), "several memories"),
        (linked("", NOTHING, modules), "modules that are handed"),
        (linked("", NOTHING, destroys), "a destructor"),
        (linked("(@custom \".debug_line\" \"\")", NOTHING, ""), "no modules in it share"),
        (linked(recursive, NOTHING, ""), "no modules in it share"),
        ("(component)".to_owned(), "no modules in it share"),
        ("(module)".to_owned(), "no modules in it share"),
    ] {
        let component = binary(&component);
        match one_module(&component) {
            Err(unmerged) => assert!(unmerged.to_string().contains(why), "{unmerged}, not {why}"),
            Ok(_) => panic!("it has {why} and was merged"),
        }
    }
    let broken = one_module(b"\0asm\x0d\0\x01\0\x63").unwrap_err();
    assert!(matches!(broken, Unmerged::Invalid(_)), "{broken}");
}

#[test]
fn a_component_with_a_wrong_byte_is_refused_or_merged_into_a_valid_one() {
    let component = binary(&linked("", NOTHING, ""));
    for place in 0..component.len() {
        for wrong in [1, 0x80] {
            let mut component = component.clone();
            component[place] ^= wrong;
            let merged = one_module(&component);
            assert!(!matches!(merged, Err(Unmerged::Made(_))), "byte {place}: {merged:?}");
        }
    }
}
