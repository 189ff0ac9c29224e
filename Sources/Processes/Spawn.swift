import Glibc
import Primitives

/// Starts a program found on PATH in a process group of its own (so that it can be ended with all it started). `descriptors` are pairs of
/// ours and the child's; all others are closed on exec by their own flag. Returns its pid; the caller waits for it.
func spawnProcess(
  _ arguments: [String], environment: [String: String]?, descriptors: [(ours: Int32, childs: Int32)], newSession: Bool
) throws -> pid_t {
  guard let program: String = arguments.first else { throw ProcessError(.cannotStart, "There is no program to run.") }
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  for pair in descriptors { posix_spawn_file_actions_adddup2(&actions, pair.ours, pair.childs) }
  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  var signals = sigset_t()
  sigemptyset(&signals)
  posix_spawnattr_setsigmask(&attributes, &signals)
  sigfillset(&signals)
  // SIGKILL and SIGSTOP have no disposition to reset.
  sigdelset(&signals, SIGKILL)
  sigdelset(&signals, SIGSTOP)
  posix_spawnattr_setsigdefault(&attributes, &signals)
  let group: Int32 = newSession ? 0x80 /* POSIX_SPAWN_SETSID, hidden behind _GNU_SOURCE */ : Int32(POSIX_SPAWN_SETPGROUP)
  posix_spawnattr_setflags(&attributes, Int16(group | Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF)))
  var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
  argv.append(nil)
  var envp: [UnsafeMutablePointer<CChar>?] = (environment ?? ProcessEnvironment.current).map { strdup("\($0.key)=\($0.value)") }
  envp.append(nil)
  defer { for pointer in argv + envp { free(pointer) } }
  var pid: pid_t = 0
  let failure: Int32 = posix_spawnp(&pid, program, &actions, &attributes, argv, envp)
  guard failure == 0 else {
    throw ProcessError(.cannotStart, "`\(program)` cannot be started: \(String(cString: strerror(failure))).")
  }
  return pid
}

public enum ProcessEnvironment {
  /// This process's environment.
  public static var current: [String: String] {
    var result: [String: String] = [:]
    var pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = environ
    while let entry: UnsafeMutablePointer<CChar> = pointer?.pointee {
      let text = String(cString: entry)
      if let equals: String.Index = text.firstIndex(of: "=") {
        result[String(text[..<equals])] = String(text[text.index(after: equals)...])
      }
      pointer = pointer.map { $0 + 1 }
    }
    return result
  }
}

/// Starts a program that outlives the caller: a session of its own, input from /dev/null, output appended to `log` (made 0600).
/// Returns its pid.
public func startDetached(_ arguments: [String], environment: [String: String]? = nil, log: String) throws -> pid_t {
  let null: Int32 = open("/dev/null", O_RDWR | O_CLOEXEC)
  let file: Int32 = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
  defer {
    close(null)
    close(file)
  }
  guard null >= 0, file >= 0 else {
    throw ProcessError(.cannotStart, "The log \(log) cannot be opened: \(String(cString: strerror(errno))).")
  }
  return try spawning.withLock { _ in
    try spawnProcess(arguments, environment: environment, descriptors: [(null, 0), (file, 1), (file, 2)], newSession: true)
  }
}

/// The path of a program on PATH (and the sbin folders, which an ordinary user's PATH lacks), nil if it is not there.
public func findProgram(_ name: String) -> String? {
  let path: String = ProcessEnvironment.current["PATH"] ?? "/usr/bin:/bin"
  let folders: [Substring] = path.split(separator: ":") + ["/usr/sbin", "/sbin", "/usr/local/sbin"]
  for folder in folders {
    let candidate = "\(folder)/\(name)"
    if access(candidate, X_OK) == 0 { return candidate }
  }
  return nil
}
