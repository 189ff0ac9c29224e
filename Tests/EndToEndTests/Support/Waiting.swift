import Glibc
import Primitives

/// Why a test cannot go on.
struct TestTrouble: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Asks until it is so. Deadlines are generous: the machine may be busy, and what is waited for costs nothing once it is there.
func eventually(
  _ what: String, within limit: Duration = .seconds(60), every pause: Duration = .milliseconds(100),
  _ condition: @Sendable () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  while true {
    let isSo: Bool = try await condition()
    if isSo { return }
    guard ContinuousClock.now < deadline else { throw TestTrouble("Not within \(limit): \(what)") }
    try await Task.sleep(for: pause)
  }
}

/// What blocks, on a thread of its own, away from the tasks' few threads.
func offTheTasks<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
  await withCheckedContinuation { continuation in
    let work = Unmanaged.passRetained(Work { continuation.resume(returning: body()) })
    var thread = pthread_t()
    let failure: Int32 = pthread_create(
      &thread, nil,
      { raw in
        if let raw { Unmanaged<Work>.fromOpaque(raw).takeRetainedValue().body() }
        return nil
      }, work.toOpaque())
    precondition(failure == 0, "no thread for a test: \(String(cString: strerror(failure)))")
    pthread_detach(thread)
  }
}

private final class Work: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// The same, for what may fail.
func onAThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
  try await offTheTasks { Swift.Result { try body() } }.get()
}

/// Does the same to all of these at one time.
func together<Element: Sendable>(_ elements: [Element], _ body: @escaping @Sendable (Element) async throws -> Void) async throws {
  try await withThrowingTaskGroup(of: Void.self) { group in
    for element in elements { group.addTask { try await body(element) } }
    try await group.waitForAll()
  }
}

func elapsed(_ body: () async throws -> Void) async rethrows -> Duration {
  let began = ContinuousClock.now
  try await body()
  return ContinuousClock.now - began
}

extension Duration {
  var milliseconds: Double { Double(components.seconds) * 1_000 + Double(components.attoseconds) / 1e15 }
}

func trimmed(_ text: String) -> String {
  var rest: Substring = text[...]
  while rest.first?.isWhitespace == true { rest = rest.dropFirst() }
  while rest.last?.isWhitespace == true { rest = rest.dropLast() }
  return String(rest)
}

/// A file's text; empty if it is not there.
func readFile(_ path: String, limit: Int = 64 << 20) -> String {
  let descriptor: Int32 = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return "" }
  defer { close(descriptor) }
  var bytes: Bytes = []
  var buffer = Bytes(repeating: 0, count: 65_536)
  while bytes.count < limit {
    let count: Int = read(descriptor, &buffer, buffer.count)
    if count <= 0 { break }
    bytes += buffer[..<count]
  }
  return bytes.text
}

func writeFile(_ text: String, to path: String, mode: mode_t = 0o644) throws {
  let descriptor: Int32 = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
  guard descriptor >= 0 else { throw TestTrouble("\(path) cannot be written: \(String(cString: strerror(errno)))") }
  defer { close(descriptor) }
  let bytes = Bytes(text.utf8)
  var written: Int = 0
  while written < bytes.count {
    let count: Int = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + written, bytes.count - written) }
    guard count > 0 else { throw TestTrouble("\(path) was not written whole.") }
    written += count
  }
}

func temporaryFolder() throws -> String {
  var template: [CChar] = Array("/tmp/tricenter-e2e-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else { throw TestTrouble("No temporary folder: \(String(cString: strerror(errno)))") }
  return String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Names in a folder, sorted, without `.` and `..`; empty if it cannot be read.
func entries(_ path: String) -> [String] {
  guard let folder = opendir(path) else { return [] }
  defer { closedir(folder) }
  var names: [String] = []
  while let entry = readdir(folder) {
    let name: String = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    if name != ".", name != ".." { names.append(name) }
  }
  return names.sorted()
}

/// Permission bits; nil if there is no such file.
func mode(_ path: String) -> UInt32? {
  var status = stat()
  return stat(path, &status) == 0 ? status.st_mode & 0o777 : nil
}

/// The processes whose parent this one is.
func children(of parent: pid_t) -> [pid_t] { familyTree()[parent] ?? [] }

/// Children, their children and so on; the process itself is not among them.
func descendants(of root: pid_t) -> [pid_t] {
  let tree: [pid_t: [pid_t]] = familyTree()
  var found: [pid_t] = []
  var open: [pid_t] = [root]
  while let next: pid_t = open.popLast() {
    found += tree[next] ?? []
    open += tree[next] ?? []
  }
  return found
}

private func familyTree() -> [pid_t: [pid_t]] {
  var tree: [pid_t: [pid_t]] = [:]
  for pid in entries("/proc").compactMap({ pid_t($0) }) {
    let line: String = readFile("/proc/\(pid)/stat", limit: 4_096)
    // After the name in parentheses: state, parent.
    guard let end: String.Index = line.lastIndex(of: ")") else { continue }
    let rest: [Substring] = line[line.index(after: end)...].split(separator: " ")
    if rest.count > 1, let parent = pid_t(rest[1]) { tree[parent, default: []].append(pid) }
  }
  return tree
}
