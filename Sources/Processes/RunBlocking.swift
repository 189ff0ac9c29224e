import Glibc
import Primitives
import Synchronization

/// Held while pipes are made and given to a child: without pipe2 in the module map, close-on-exec comes a moment after the pipe, and
/// a child started in between would hold another child's pipe open.
let spawning: Mutex<Void> = Mutex(())

extension Command {
  /// The same on the calling thread.
  public func runBlocking() throws -> Outcome {
    let (pid, parentIn, parentOut, parentErr) = try spawning.withLock { _ in try spawnWithPipes() }
    defer {
      close(parentOut)
      close(parentErr)
    }
    let result: (output: Bytes, errors: Bytes, expired: Bool) = exchange(input: parentIn, output: parentOut, errors: parentErr)
    if result.expired { kill(-pid, SIGKILL) }
    var raw: Int32 = 0
    while waitpid(pid, &raw, 0) < 0, errno == EINTR {}
    if result.expired {
      throw ProcessError(.timeout, "`\(arguments.joined(separator: " "))` did not end within \(timeout) and was killed.")
    }
    let status: Int32 = raw & 0x7F == 0 ? (raw >> 8) & 0xFF : 128 + (raw & 0x7F)
    return Outcome(status: status, output: result.output, errors: result.errors)
  }

  private func spawnWithPipes() throws -> (pid_t, Int32, Int32, Int32) {
    var pipes: [Int32] = [Int32](repeating: -1, count: 6)
    for index in [0, 2, 4] {
      guard pipes.withUnsafeMutableBufferPointer({ pipe($0.baseAddress! + index) }) == 0 else {
        for descriptor in pipes where descriptor >= 0 { close(descriptor) }
        throw ProcessError(.cannotStart, "No pipe for `\(arguments.first ?? "")`: \(String(cString: strerror(errno))).")
      }
    }
    for descriptor in pipes { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    let (childIn, parentIn, parentOut, childOut, parentErr, childErr) = (pipes[0], pipes[1], pipes[2], pipes[3], pipes[4], pipes[5])
    do {
      let pid: pid_t = try spawnProcess(
        arguments, environment: environment, descriptors: [(childIn, 0), (childOut, 1), (childErr, 2)], newSession: false)
      for descriptor in [childIn, childOut, childErr] { close(descriptor) }
      return (pid, parentIn, parentOut, parentErr)
    } catch {
      for descriptor in pipes { close(descriptor) }
      throw error
    }
  }

  /// Feeds and drains until both outputs end or the deadline passes. Closes `input`.
  private func exchange(input: Int32, output: Int32, errors: Int32) -> (output: Bytes, errors: Bytes, expired: Bool) {
    let deadline: MonotonicTime = SystemClock().now() + timeout
    _ = fcntl(input, F_SETFL, O_NONBLOCK)
    var kept: [Bytes] = [[], []]
    var open: [Int32] = [output, errors]
    var written: Int = 0
    var inputOpen: Bool = true
    if self.input.isEmpty {
      close(input)
      inputOpen = false
    }
    var buffer = Bytes(repeating: 0, count: 65_536)
    while open.contains(where: { $0 >= 0 }) {
      let remaining: Int64 = (deadline - SystemClock().now()).inNanoseconds / 1_000_000
      guard remaining > 0 else {
        if inputOpen { close(input) }
        return (kept[0], kept[1], true)
      }
      var polls: [pollfd] = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      if inputOpen { polls.append(pollfd(fd: input, events: Int16(POLLOUT), revents: 0)) }
      _ = poll(&polls, nfds_t(polls.count), Int32(min(remaining, 60_000)))
      for index in 0..<2 where open[index] >= 0 && polls[index].revents != 0 {
        let count: Int = read(open[index], &buffer, buffer.count)
        if count <= 0 {
          if count < 0, errno == EINTR || errno == EAGAIN { continue }
          open[index] = -1
        } else {
          kept[index] += buffer[..<min(count, max(0, outputLimit - kept[index].count))]
        }
      }
      if inputOpen, polls[2].revents != 0 {
        let count: Int = self.input.withUnsafeBytes { write(input, $0.baseAddress! + written, self.input.count - written) }
        if count > 0 { written += count }
        if (count < 0 && errno != EAGAIN && errno != EINTR) || written == self.input.count {
          close(input)
          inputOpen = false
        }
      }
    }
    if inputOpen { close(input) }
    return (kept[0], kept[1], false)
  }
}
