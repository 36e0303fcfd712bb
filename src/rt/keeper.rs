//! The keeper: a process that shares this one's memory and descriptors and does nothing but wait for its
//! end, whatever the way. Then it hands over to the copy that takes over what a copy has not:
//! descriptors, and large blocks of memory. When the kernel is gone, it ends this process, also in the middle of a cell: no
//! orphan. While nothing fails it cannot be told that it is there: it holds no second copy of anything.
//!
//! It is made by clone(2) with `CLONE_VM | CLONE_FILES` and runs [`keep`] on a small stack of its own. It
//! has no thread-local memory of its own, so it calls the system and nothing else.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Stack of the keeper, bytes.
const STACK: usize = 64 << 10;
/// Bytes of a set of signals, for the system.
const SIGNALS: usize = 8;
/// What it is sent when the thread that started it has ended.
const ENDED: i32 = libc::SIGUSR2;

/// The descriptor through which the copy is spoken to; -1 when there is no copy.
static COPY: AtomicI32 = AtomicI32::new(-1);
/// A multiple of any size of pages that systems have.
const PAGES: usize = 64 << 10;
/// The process that the keeper belongs to.
static OWNER: AtomicI32 = AtomicI32::new(0);
/// The socket whose other end the kernel holds as long as it lives.
static KERNEL: AtomicI32 = AtomicI32::new(-1);

/// What a copy asks of a keeper: three words.
#[repr(u64)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    /// This descriptor; the answer is a byte with the descriptor beside it, or without when it is closed.
    Descriptor = 1,
    /// The bytes from this address on, so many.
    Memory = 2,
    /// This memory is not needed any more; no answer.
    Drop = 3,
    /// This descriptor is not needed any more, nor are locks that belong to its process; the answer is a byte.
    Close = 4,
}

type Question = [u64; 3];

/// The word that wakes a copy.
const WOKEN: u8 = b'w';
/// The word that ends it.
const DISCARDED: u8 = b'q';

/// Starts the keeper of this process, whose kernel is at the other end of a socket. The calling thread must live as
/// long as the process.
///
/// # Errors
/// When the system refuses another process.
pub(crate) fn start(kernel: RawFd) -> io::Result<i32> {
    let rights = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping of our own, which stays for as long as the keeper runs, which is as long as
    // this process.
    let stack = unsafe { libc::mmap(ptr::null_mut(), STACK, rights, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0) };
    if stack == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    OWNER.store(std::process::id() as i32, Ordering::SeqCst);
    KERNEL.store(kernel, Ordering::SeqCst);
    // SAFETY: the masks are valid. `keep` runs on the new stack and calls the system alone, as it must where two
    // processes share all memory, this thread's own included; signals are blocked in it from its
    // first moment, because it inherits the mask.
    let pid = unsafe {
        let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = (mem::zeroed(), mem::zeroed());
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        // No signal at its end: a cell that waits for any child must not find it.
        let pid = libc::clone(keep, stack.byte_add(STACK), libc::CLONE_VM | libc::CLONE_FILES, ptr::null_mut());
        let error = io::Error::last_os_error();
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, ptr::null_mut());
        if pid < 0 {
            libc::munmap(stack, STACK);
            return Err(error);
        }
        pid
    };
    Ok(pid)
}

/// From now on the copy behind this descriptor is the one to wake; none when there is no copy.
pub(crate) fn set_copy(end: Option<&UnixStream>) {
    COPY.store(end.map_or(-1, AsRawFd::as_raw_fd), Ordering::SeqCst);
}

/// Ends a copy that is not needed.
pub(crate) fn discard(end: &UnixStream) {
    set_copy(None);
    // SAFETY: one byte. A copy that is gone needs no word, and a cell may have asked for SIGPIPE.
    unsafe { libc::send(end.as_raw_fd(), [DISCARDED].as_ptr().cast(), 1, libc::MSG_NOSIGNAL) };
}

/// In the copy: sleeps until the process ends, and says whether its keeper is there to ask. Ends this
/// process when it is not needed any more.
pub(crate) fn sleep(end: &UnixStream) -> bool {
    let mut word = 0_u8;
    loop {
        // SAFETY: one byte of room. recv(2) itself, since the runner's `read` is interposed.
        match unsafe { libc::recv(end.as_raw_fd(), (&raw mut word).cast(), 1, 0) } {
            1 if word == WOKEN => return true,
            // SAFETY: ends this copy; it owns nothing that anybody waits for.
            1 => unsafe { libc::_exit(0) },
            0 => return false,
            _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            _ => return false,
        }
    }
}

/// In a copy that takes over: the keeper of the process that ended.
pub(crate) struct Estate<'a> {
    /// Held while a question waits for its answer.
    end: Mutex<&'a UnixStream>,
    keeper: i32,
    /// False when this system does not let us read another process's memory.
    reads: AtomicBool,
}

impl<'a> Estate<'a> {
    pub(crate) fn new(end: &'a UnixStream, keeper: i32) -> Self {
        Self { end: Mutex::new(end), keeper, reads: AtomicBool::new(true) }
    }

    fn end(&self) -> MutexGuard<'_, &'a UnixStream> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A descriptor of the process that ended, when it was still open.
    pub(crate) fn descriptor(&self, number: i32) -> Option<OwnedFd> {
        let mut end = self.end();
        if !ask(&mut end, Ask::Descriptor, number as usize, 0) {
            return None;
        }
        let mut byte = 0_u8;
        let mut room = Control::default();
        // SAFETY: the header points to live places of the lengths it says.
        unsafe {
            let mut vector = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
            let mut header = room.header(&mut vector);
            if libc::recvmsg(end.as_raw_fd(), &mut header, libc::MSG_CMSG_CLOEXEC) != 1 {
                return None;
            }
            let first = libc::CMSG_FIRSTHDR(&header);
            if first.is_null() || (*first).cmsg_type != libc::SCM_RIGHTS {
                return None;
            }
            let mut received = -1_i32;
            ptr::copy_nonoverlapping(libc::CMSG_DATA(first), (&raw mut received).cast(), size_of::<i32>());
            (received >= 0).then(|| OwnedFd::from_raw_fd(received))
        }
    }

    /// Closes a descriptor of the process that ended. With any one of a file go the locks that belong to a process.
    pub(crate) fn close(&self, number: i32) -> bool {
        let mut end = self.end();
        ask(&mut end, Ask::Close, number as usize, 0) && io::Read::read_exact(&mut *end, &mut [0]).is_ok()
    }

    /// Fills `into` with what stands at `address` there. Memory that was read is given back as it goes, so
    /// that both processes together need no more than one. Several threads may ask at once.
    pub(crate) fn memory(&self, address: usize, into: &mut [u8]) -> bool {
        const PIECE: usize = 4 << 20;
        let mut at = address;
        into.chunks_mut(PIECE).all(|piece| {
            let got = self.read(at, piece) || self.receive(at, piece);
            ask(&mut self.end(), Ask::Drop, at, piece.len());
            at += piece.len();
            got
        })
    }

    fn read(&self, address: usize, into: &mut [u8]) -> bool {
        let here = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
        let there = libc::iovec { iov_base: ptr::without_provenance_mut(address), iov_len: into.len() };
        // SAFETY: one valid place to write to; what is read is another process's memory.
        let read = self.reads.load(Ordering::Relaxed)
            && unsafe { libc::process_vm_readv(self.keeper, &here, 1, &there, 1, 0) } == into.len() as isize;
        if !read {
            self.reads.store(false, Ordering::Relaxed);
        }
        read
    }

    fn receive(&self, address: usize, into: &mut [u8]) -> bool {
        let mut end = self.end();
        ask(&mut end, Ask::Memory, address, into.len()) && io::Read::read_exact(&mut *end, into).is_ok()
    }
}

fn ask(end: &mut &UnixStream, what: Ask, a: usize, b: usize) -> bool {
    let question: Question = [what as u64, a as u64, b as u64];
    let bytes: Vec<u8> = question.iter().flat_map(|word| word.to_ne_bytes()).collect();
    io::Write::write_all(end, &bytes).is_ok()
}

/// Room for one descriptor beside a message.
#[repr(C, align(16))]
#[derive(Default)]
struct Control([u8; 32]);

impl Control {
    fn header(&mut self, vector: &mut libc::iovec) -> libc::msghdr {
        // SAFETY: all zeros is a valid header.
        let mut header: libc::msghdr = unsafe { mem::zeroed() };
        header.msg_iov = vector;
        header.msg_iovlen = 1;
        header.msg_control = self.0.as_mut_ptr().cast();
        // SAFETY: computes a number.
        header.msg_controllen = unsafe { libc::CMSG_SPACE(size_of::<i32>() as u32) } as _;
        header
    }
}

/// What [`ENDED`] does: a wait ends.
extern "C" fn wake(_: i32) {}

/// The life of a keeper.
extern "C" fn keep(_: *mut libc::c_void) -> i32 {
    // SAFETY: system calls with valid arguments. What fails is not looked at, but where it is said. The handler is this
    // process's alone, since handlers are not shared. In the loop, which runs beside the owner, no call fails, and one by `syscall` is
    // no point where threads are cancelled: so nothing is written to the owner's thread-local memory, which stands where ours would.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, ENDED);
        libc::prctl(libc::PR_SET_NAME, c"ferrolab keeper".as_ptr());
        // Where only ancestors may read memory, copies may.
        libc::prctl(libc::PR_SET_PTRACER, libc::c_ulong::MAX, 0, 0, 0);
        let owner = OWNER.load(Ordering::SeqCst);
        let (mut all_but_ended, mut action): (libc::sigset_t, libc::sigaction) = (mem::zeroed(), mem::zeroed());
        action.sa_sigaction = wake as extern "C" fn(i32) as usize;
        libc::sigaction(ENDED, &action, ptr::null_mut());
        libc::sigfillset(&mut all_but_ended);
        libc::sigdelset(&mut all_but_ended, ENDED);
        let mut poll = libc::pollfd { fd: KERNEL.load(Ordering::SeqCst), events: libc::POLLRDHUP, revents: 0 };
        while libc::getppid() == owner {
            // A moment at most, should the signal have come before it was asked for.
            let mut moment = libc::timespec { tv_sec: 5, tv_nsec: 0 };
            poll.revents = 0;
            let mask = &raw const all_but_ended;
            let ready = libc::syscall(libc::SYS_ppoll, &raw mut poll, 1, &raw mut moment, mask, SIGNALS);
            if ready <= 0 {
                continue;
            }
            if poll.revents & (libc::POLLHUP | libc::POLLRDHUP | libc::POLLERR) != 0 && libc::getppid() == owner {
                end_all(owner);
            }
            // A cell closed it: nothing to look at but time.
            poll.fd = -1;
        }
        let copy = COPY.load(Ordering::SeqCst);
        if copy >= 0 && libc::send(copy, [WOKEN].as_ptr().cast(), 1, libc::MSG_NOSIGNAL) == 1 {
            hand_over(copy);
        }
        libc::syscall(libc::SYS_exit_group, 0);
    }
    0
}

/// The kernel is gone: nobody is left for whom anything could go on.
///
/// # Safety
/// Called by the keeper alone, whose owner lives.
unsafe fn end_all(owner: i32) {
    // SAFETY: system calls; a copy that is gone needs no word.
    unsafe {
        let copy = COPY.load(Ordering::SeqCst);
        if copy >= 0 {
            libc::send(copy, [DISCARDED].as_ptr().cast(), 1, libc::MSG_NOSIGNAL);
        }
        libc::kill(owner, libc::SIGKILL);
        libc::syscall(libc::SYS_exit_group, 0);
    }
}

/// Answers questions until nobody asks.
///
/// # Safety
/// Called by the keeper alone.
unsafe fn hand_over(copy: i32) {
    loop {
        let mut question: Question = [0; 3];
        // SAFETY: room for a question.
        let n = unsafe { libc::recv(copy, question.as_mut_ptr().cast(), size_of::<Question>(), libc::MSG_WAITALL) };
        if n != size_of::<Question>() as isize {
            return;
        }
        let (address, length) = (question[1] as usize, question[2] as usize);
        // SAFETY: descriptors and memory of a process that has ended; nobody else uses them. What is not
        // there makes the call fail, and the copy find the end of the stream.
        let went_well = unsafe {
            match question[0] {
                1 => give(copy, question[1] as i32),
                2 => send_all(copy, address, length),
                3 => {
                    // Whole pages of any size only: what is beside them may still be asked for.
                    let (start, end) = (address.next_multiple_of(PAGES), (address + length) / PAGES * PAGES);
                    let length = end.saturating_sub(start);
                    libc::madvise(ptr::without_provenance_mut(start), length, libc::MADV_DONTNEED);
                    true
                }
                4 => {
                    libc::syscall(libc::SYS_close, question[1] as i32);
                    send_all(copy, [WOKEN].as_ptr() as usize, 1)
                }
                _ => false,
            }
        };
        if !went_well {
            return;
        }
    }
}

/// # Safety
/// Called by the keeper alone.
unsafe fn send_all(copy: i32, mut address: usize, mut length: usize) -> bool {
    while length > 0 {
        // SAFETY: send(2) fails on memory that is not there.
        let n = unsafe { libc::send(copy, ptr::without_provenance(address), length, libc::MSG_NOSIGNAL) };
        if n <= 0 {
            return false;
        }
        address += n as usize;
        length -= n as usize;
    }
    true
}

/// # Safety
/// Called by the keeper alone.
unsafe fn give(copy: i32, descriptor: i32) -> bool {
    let byte = WOKEN;
    let mut room = Control([0; 32]);
    let mut vector = libc::iovec { iov_base: (&raw const byte).cast_mut().cast(), iov_len: 1 };
    let mut header = room.header(&mut vector);
    // SAFETY: the header points to live places of the lengths it says.
    unsafe {
        let first = libc::CMSG_FIRSTHDR(&header);
        (*first).cmsg_level = libc::SOL_SOCKET;
        (*first).cmsg_type = libc::SCM_RIGHTS;
        (*first).cmsg_len = libc::CMSG_LEN(size_of::<i32>() as u32) as _;
        ptr::copy_nonoverlapping((&raw const descriptor).cast(), libc::CMSG_DATA(first), size_of::<i32>());
        if libc::sendmsg(copy, &header, libc::MSG_NOSIGNAL) == 1 {
            return true;
        }
        // It is closed: the answer comes without it.
        header.msg_control = ptr::null_mut();
        header.msg_controllen = 0;
        libc::sendmsg(copy, &header, libc::MSG_NOSIGNAL) == 1
    }
}
