import Glibc
import KubeModel
import Primitives

/// This process for `/tricenter/status`: since when it runs, and from which file. A file that was replaced meanwhile keeps its inode here.
struct RunningProcess: Sendable {
  private let startedAt: WallTime = SystemClock().wall()

  var json: JSONValue {
    var json: JSONValue = ["pid": .int(Int64(getpid())), "startedAt": .string(startedAt.rfc3339Micro)]
    var buffer = [CChar](repeating: 0, count: 4_096)
    let count: Int = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    guard count > 0 else { return json }
    let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    var status = stat()
    // The link leads to the file that runs, whatever stands at its path by now (proc(5)).
    guard stat("/proc/self/exe", &status) == 0 else { return json }
    let modified = WallTime(secondsSince1970: Int64(status.st_mtim.tv_sec))
    json["executable"] = [
      "path": .string(path), "inode": .int(Int64(status.st_ino)), "modified": .string(modified.rfc3339),
      "isInPlace": .bool(!path.hasSuffix(" (deleted)")),
    ]
    return json
  }
}
