//! Messages of a datagram socket whose senders the kernel vouches for.

use nix::errno::Errno;
use nix::unistd::Pid;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Receives a message that is there, and the pid of its sender, if the socket asks for that (SO_PASSCRED, unix(7)).
///
/// There is room for the credentials alone, which the kernel puts first: descriptors that come with the message are closed
/// at once, which is what one who waits for that expects (sd_notify_barrier(3)), and nobody can fill this process with
/// them.
///
/// # Errors
/// EAGAIN if there is none; otherwise as recvmsg(2).
pub fn receive(socket: BorrowedFd<'_>, room: &mut [u8]) -> nix::Result<Option<(Pid, usize)>> {
    /// CMSG_SPACE of struct ucred, as a constant.
    // SAFETY: arithmetic.
    const CONTROL: usize = unsafe { libc::CMSG_SPACE(size_of::<libc::ucred>() as u32) } as usize;
    #[repr(align(8))]
    struct Control([u8; CONTROL]);
    let mut control = Control([0; CONTROL]);
    let mut slice = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
    // SAFETY: all pointers lead to what outlives the call, with the lengths said; the header is only read if the kernel has
    // written one, and credentials only if it says that they are.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut slice;
        message.msg_iovlen = 1;
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = CONTROL as _;
        let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
        let count = Errno::result(libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags))?;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if header.is_null() || ((*header).cmsg_level, (*header).cmsg_type) != (libc::SOL_SOCKET, libc::SCM_CREDENTIALS)
        {
            return Ok(None);
        }
        let sender = libc::CMSG_DATA(header).cast::<libc::ucred>().read_unaligned().pid;
        Ok(Some((Pid::from_raw(sender), count.unsigned_abs())))
    }
}
