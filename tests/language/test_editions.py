"""Language: cells that were written before edition 2024."""

NOTE = "compiled with edition 2021"


def test_what_is_an_error_in_2024_only_is_compiled_with_2021(start):
    k = start()
    story = k.run('std::env::set_var("OF_MINE", "1");\nstd::env::var("OF_MINE").ok()')
    assert story.finish() == 'Some("1")'
    said = story.printed("stderr")
    assert NOTE in said and "unsafe {" in said and ":edition 2021" in said, said
    # said once
    k.run('std::env::remove_var("OF_MINE");\nstd::env::var("OF_MINE").is_err()').result("true").idle()
    k.run('extern "C" { fn abs(x: i32) -> i32; }\nunsafe { abs(-27) }').result("27").idle()
    k.run('fn setter() { std::env::set_var("OF_MINE", "2") }').idle()
    k.run('setter(); std::env::var("OF_MINE")').result('Ok("2")').idle()
    k.run("vec![(1, 2)].iter().map(|(ref a, _)| *a + 1).sum::<i32>()").result("2").idle()


def test_a_symbol_of_a_cell_that_runs_again(start):
    k = start()
    cell = '#[no_mangle]\npub extern "C" fn scaled(x: i32) -> i32 { %d * x }\nscaled(4)'
    assert k.ok(cell % 2) == "8"
    k.run(cell % 2).result("8").idle()
    k.run(cell % 20).result("80").idle()
    k.run("scaled(1)").result("20").idle()


def test_it_costs_one_try_only(start):
    cell = '%%time\nstd::env::set_var("COSTS_ONE_TRY", "1")'
    first, second = start(), start()
    first.ok(cell)
    story = second.run(cell)
    story.finish()
    assert "(cached)" in story.everything() and NOTE in story.printed("stderr")


def test_other_errors_beside_it_are_the_cells(k):
    k.run('let wrong: i32 = "text";\nstd::env::set_var("A", "1");').fails("E0308", '"text"')
    k.run('nowhere();\nstd::env::set_var("A", "1");').fails("E0425", "nowhere")
    k.run("let text: String = 5;").fails("E0308")
    k.run("unsafe fn risky() -> i32 { 1 }\nrisky()").fails("E0133")


def test_the_edition_can_be_chosen(k):
    k.run(":edition").stdout("edition: 2024\n").idle()
    k.run(":edition 2021").stdout("edition: 2021\n").idle()
    k.run('std::env::set_var("CHOSEN", "1");\nstd::env::var("CHOSEN").is_ok()').result("true").idle()
    k.run(":edition 2018").stdout("edition: 2018\n").idle()
    k.run("fn of_2018() -> usize { let mut n = 0; for x in [1, 2].into_iter() { let _: &i32 = x; n += 1 } n }").idle()
    k.run(":edition 2015").stdout("edition: 2015\n").idle()
    k.run("trait Old { fn old(&self) -> i32; }\nimpl Old for i32 { fn old(&self) -> i32 { *self } }\nfn bare(x: Box<Old>) -> i32 { x.old() }").idle()
    k.run("bare(Box::new(3)) + ::std::cmp::max(1, 2)").result("5").idle()
    k.run("let async = 1;").fails(None, "edition 2015")
    k.run(":edition 2024").stdout("edition: 2024\n").idle()
    k.run("of_2018() as i32 + bare(Box::new(3))").result("5").idle()
    k.run(":edition 1999").fails("Directive", "2015, 2018, 2021 or 2024", "1999")
    assert ":edition" in k.ok(":help edition")
    assert k.ask("is_complete", code=":edition 2021")["status"] == "complete"
