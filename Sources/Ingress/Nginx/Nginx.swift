import Glibc
import Primitives
import Processes

/// nginx on this host: takes a configuration into force, or keeps the last good one. One caller at a time.
struct Nginx {
  let configuration: NginxConfiguration
  let program: String

  init(configuration: NginxConfiguration) throws {
    guard let program: String = findProgram("nginx") else {
      throw IngressError(.missing, "nginx is not installed, which carries out the routing; Debian's package nginx-light has it.")
    }
    self.configuration = configuration
    self.program = program
    guard mkdir(configuration.folder, 0o755) == 0 || errno == EEXIST else {
      throw IngressError(.failed, "The folder \(configuration.folder) cannot be made: \(String(cString: strerror(errno))).")
    }
  }

  /// What is in force, also by an earlier life of this daemon.
  var current: String? { Self.read(configuration.file) }

  /// Written beside, tested by nginx itself, renamed into place, then nginx is started or told by SIGHUP. Throws `.refused` with what
  /// nginx said.
  func apply(_ text: String) async throws {
    let candidate: String = configuration.candidateFile
    try Self.write(text, to: candidate)
    let test: Command.Outcome = try await run(["-t", "-q", "-c", candidate])
    guard test.status == 0 else {
      throw IngressError(
        .refused, "nginx refuses \(candidate), the last good configuration stays in force: \(test.errors.text.prefix(500))")
    }
    guard rename(candidate, configuration.file) == 0 else {
      throw IngressError(.failed, "\(candidate) cannot be renamed: \(String(cString: strerror(errno))).")
    }
    if let pid: pid_t = process {
      guard kill(pid, SIGHUP) == 0 else {
        throw IngressError(.failed, "nginx (pid \(pid)) cannot be told to reload: \(String(cString: strerror(errno))).")
      }
    } else {
      let start: Command.Outcome = try await run(["-c", configuration.file])
      guard start.status == 0 else { throw IngressError(.failed, "nginx does not start: \(start.errors.text.prefix(500))") }
    }
  }

  /// nginx's first process; nil if it does not run. After a power loss its pid may be another's, hence the look at its name.
  var process: pid_t? {
    guard let text: String = Self.read(configuration.processFile), let pid = pid_t(text.filter(\.isNumber)), pid > 1,
      Self.read("/proc/\(pid)/comm") == "nginx\n"
    else { return nil }
    return pid
  }

  private func run(_ arguments: [String]) async throws -> Command.Outcome {
    try await Command([program] + arguments, timeout: IngressLimits.nginxSeconds).outcome()
  }

  private static func write(_ text: String, to path: String) throws {
    guard let file = fopen(path, "we") else {
      throw IngressError(.failed, "\(path) cannot be written: \(String(cString: strerror(errno))).")
    }
    let bytes = Bytes(text)
    let whole: Bool = fwrite(bytes, 1, bytes.count, file) == bytes.count && fflush(file) == 0 && fsync(fileno(file)) == 0
    guard fclose(file) == 0, whole else {
      throw IngressError(.failed, "\(path) was not written whole: \(String(cString: strerror(errno))).")
    }
  }

  private static func read(_ path: String) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes: Bytes = []
    var buffer = Bytes(repeating: 0, count: 65_536)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0, bytes.count < 16 << 20 { bytes += buffer[..<count] }
    return bytes.text
  }
}
