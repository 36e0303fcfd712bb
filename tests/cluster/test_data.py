"""Numbers on clusters: kept as numpy arrays, seen as slices where they are, read by Python, large ones fetched; parameters sent once."""

import re
import subprocess
import sys

import pytest

from support.two_workers import k, shared  # noqa: F401: fixtures

# Rust's names and numpy's
NUMBERS = {
    "i8": "int8", "u8": "uint8", "i16": "int16", "u16": "uint16", "i32": "int32", "u32": "uint32",
    "i64": "int64", "u64": "uint64", "isize": "int64", "usize": "uint64", "f32": "float32", "f64": "float64",
}  # fmt: skip

def python(k, code: str) -> str:
    """What Python prints that is a client `c` of the same cluster."""
    address = k.ok("cluster.status()?.address().to_string()").strip('"')
    code = f"from distributed import Client\nwith Client('{address}') as c:\n    " + code.replace("\n", "\n    ")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_all_numbers_are_arrays_for_python_and_slices_for_rust(k):
    for rust in NUMBERS:
        k.ok(f'let p_{rust} = cluster.submit(3u8, |n| (0..n).map(|i| (i * 50) as {rust}).collect::<Vec<{rust}>>())?; cluster.publish("{rust}", &p_{rust})?;')
    told = python(k, f"for name in {list(NUMBERS)}:\n    a = c.get_dataset(name).result()\n    print(name, type(a).__name__, a.dtype, [int(x) for x in a])")
    # 100 is within an i8
    assert told.splitlines() == [f"{rust} ndarray {dtype} [0, 50, 100]" for rust, dtype in NUMBERS.items()]
    sums = ", ".join(f"cluster.submit_slice(&p_{rust}, |v: &[{rust}]| v.iter().map(|x| *x as f64).sum::<f64>())?.result()?" for rust in NUMBERS)
    k.run(f"[{sums}].iter().all(|s| *s == 150.0)").until("execute_result").result("true").until().idle()
    whole = ", ".join(f"p_{rust}.result()? == [0 as {rust}, 50 as {rust}, 100 as {rust}]" for rust in NUMBERS)
    k.run(f"[{whole}].iter().all(|same| *same)").until("execute_result").result("true").until().idle()


def test_a_slice_is_the_very_memory_that_a_task_left(k):
    """The vector holds its own address, and so does the slice that a later task sees there."""
    k.ok("let one = Cluster::local(1)?;")
    k.ok("let own = one.submit(1000usize, |n| { let mut v = vec![0u64; n]; v[0] = v.as_ptr() as u64; v })?;")
    for _ in range(2):
        k.run("one.submit_slice(&own, |v| (v.len(), v[0] == v.as_ptr() as u64))?.result()?").until("execute_result").result("(1000, true)").until().idle()
    # by value it is a copy, and the array stays what it was
    k.run("one.submit(&own, |mut v| { let there = v[0]; v[0] = 0; there != v.as_ptr() as u64 })?.result()?").until("execute_result").result("true").until().idle()
    k.run("one.submit_slice(&own, |v| v[0] == v.as_ptr() as u64)?.result()?").until("execute_result").result("true").until().idle()
    k.ok("one.close()?;")


def test_slices_cross_to_other_workers(k):
    k.ok("let parts = cluster.persist(0..6u32, |i| vec![i * 100_000; 50_000])?;")
    k.run(
        "let sums = parts.iter().map(|p| cluster.submit_slice(p, |v| v.iter().map(|x| u64::from(*x)).sum::<u64>())).collect::<Result<Vec<_>, _>>()?; cluster::gather(sums)?.iter().sum::<u64>()"
    ).until("execute_result").result(str(15 * 100_000 * 50_000)).until().idle()
    # several arrays, of integers that serde writes otherwise than they are in memory, as one argument
    k.run("cluster.submit(cluster::all(&parts), |v| v.iter().map(|p| u64::from(p[49_999])).collect::<Vec<_>>())?.result()?").until("execute_result").result(
        "[0, 100000, 200000, 300000, 400000, 500000]"
    ).until().idle()


def test_empty_and_other_vectors(k):
    k.run("let none = cluster.submit(0usize, |n| vec![1.5f64; n])?; cluster.submit_slice(&none, |v| v.len())?.result()?").until("execute_result").result("0").until().idle()
    k.run("none.result()?").until("execute_result").result("[]").until().idle()
    k.run('let words = cluster.persist(0..2usize, |n| vec!["ä".repeat(n); 2])?; cluster::gather(words)?').until("execute_result").result('[["", ""], ["ä", "ä"]]').until().idle()
    k.run("cluster.submit(vec![-1i16, 300], |v| v.iter().map(|x| i32::from(*x)).sum::<i32>())?.result()?").until("execute_result").result("299").until().idle()


def test_a_hundred_megabytes_come_whole(k):
    k.ok("let big = cluster.submit(12_500_000u64, |n| (0..n).map(|i| i as f64).collect::<Vec<_>>())?;")
    k.run("let v = big.result()?; (v.len(), v.iter().enumerate().all(|(i, x)| *x == i as f64))", timeout=120).until("execute_result").result("(12500000, true)").until().idle()
    k.run('let text = cluster.submit(3_000_000usize, |n| "ab".repeat(n))?.result()?; (text.len(), text.ends_with("ab"))').until("execute_result").result("(6000000, true)").until().idle()


def test_parameters_are_read_once_by_each_worker(k):
    k.ok("use serde::{Serialize, Deserialize};")
    k.ok(
        "#[derive(Serialize)] struct Table(Vec<f64>);\n"
        "impl<'de> Deserialize<'de> for Table { fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> { println!(\"the table is read\"); Ok(Table(Vec::deserialize(d)?)) } }"
    )
    story = k.run(
        "let table = Table((0..100_000).map(f64::from).collect()); cluster.quiet().map_with(&table, 0..40usize, |t, i| { std::thread::sleep(std::time::Duration::from_millis(50)); t.0[i] })?.iter().sum::<f64>()",
        timeout=60,
    )
    assert story.finish() == "780.0"
    readers = re.findall(r"^\[(worker \d)\] the table is read$", story.printed(), re.M)
    assert sorted(readers) == ["worker 0", "worker 1"], story.printed()


def test_a_future_of_threads_is_no_slice_there(k):
    k.run("let here = threads().submit(3u64, |n| vec![n; 3])?; threads().submit_slice(&here, |v| v.iter().sum::<u64>())?.result()?").until("execute_result").result("9").until().idle()
    k.run("cluster.submit_slice(&here, |v| v.len())?").until("error").error(None, "future of threads()").until().idle()


def test_text_files_are_tasks_that_workers_read(k, tmp_path):
    """The same lines and blocks as on threads, however they are put into batches; a file that has changed, or is not seen there, is an error that names it."""
    path = tmp_path / "words.txt"
    path.write_text("".join(f"wörd {i} {'x' * (i % 97)}\n" for i in range(30_000)) + "the last one, without an end")
    k.ok(
        f'let file = par::text_file("{path}")?; let (lines, blocks) = (file.lines(), file.blocks(10_000));\n'
        "fn hashes(on: &impl Executor, lines: &par::TextLines, blocks: &par::TextBlocks) -> Result<(Vec<usize>, Vec<usize>), cluster::Error> {\n"
        "    Ok((on.map(lines, |line| line.len() + line.bytes().map(usize::from).sum::<usize>())?, on.map(blocks, |block| block.lines().count())?))\n}",
        timeout=60,
    )
    k.run("let here = hashes(&threads(), &lines, &blocks)?; (here.0.len(), here.1.iter().sum::<usize>(), here == hashes(&cluster.quiet(), &lines, &blocks)?)").until("execute_result").result("(30001, 30001, true)").until().idle()
    k.run("cluster.quiet().filter_map(par::enumerate(&lines), |(i, line)| (!line.starts_with(&format!(\"wörd {i} \"))).then(|| (i, line.to_owned())))?").until("execute_result").result('[(30000, "the last one, without an end")]').until().idle()
    path.write_text("another\n")
    k.run("cluster.quiet().map(&lines, |line| line.len())?.len()").until("error").error(None, "words.txt", "was changed").until().idle()
    path.unlink()
    k.run("cluster.quiet().map(&lines, |line| line.len())?.len()").until("error").error(None, "words.txt", "cannot be read").until().idle()
    k.ok("let (file, lines, blocks) = ((), (), ());")
