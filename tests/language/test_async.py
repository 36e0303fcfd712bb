"""Language: `?` and `.await` at the top level."""


def test_question_mark(k):
    k.run('let number = "42".parse::<i32>()?;').idle()
    k.run("number + 1").result("43").idle()


def test_question_mark_on_an_option_or_own_error(k):
    k.run("let got = Some(3).ok_or(\"nothing\")?; got").result("3").idle()
    k.run(
        "#[derive(Debug)] struct Own(u8);\n"
        'impl std::fmt::Display for Own { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { write!(f, "own error {}", self.0) } }\n'
        "impl std::error::Error for Own {}"
    ).idle()
    k.run("Err::<(), _>(Own(7))?;").fails(None, "own error 7")


def test_an_err_keeps_the_variables(k):
    k.run("let kept = vec![1];").idle()
    k.run('let mut kept = kept; kept.push(2); let bad = "x".parse::<i32>()?;').fails(None, "invalid digit")
    k.run("kept").result("[1]").idle()
    k.run("bad").fails("E0425")


def test_await_at_the_top_level(k):
    k.run("async fn later(x: i32) -> i32 { x + 1 }").idle()
    k.run("later(4).await").result("5").idle()
    k.run("let waited = later(8).await;").idle()
    k.run("waited").result("9").idle()


def test_await_with_question_mark(k):
    k.run('async fn parse(t: &str) -> Result<i32, std::num::ParseIntError> { t.parse() }').idle()
    k.run('parse("6").await?').result("6").idle()
    k.run('parse("six").await?').fails(None, "invalid digit")


def test_async_blocks_and_join(k):
    k.run("let fut: std::pin::Pin<Box<dyn std::future::Future<Output = i32> + Send>> = Box::pin(async { 3 });").idle()
    k.run("fut.await").result("3").idle()
