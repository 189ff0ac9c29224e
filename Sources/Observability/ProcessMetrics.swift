import Glibc

/// What Prometheus' client libraries tell of the process itself, under their names, read when somebody asks (proc(5)).
enum ProcessMetrics {
  static func text() -> String {
    var lines: String = ""
    func gauge(_ name: String, _ value: Double, _ kind: String = "gauge") {
      let whole: Bool = value == value.rounded() && abs(value) < 1e15
      lines += "# TYPE \(name) \(kind)\n\(name) \(whole ? "\(Int64(value))" : "\(value)")\n"
    }
    // Behind the name in parentheses, which may hold anything: state is field 3.
    let stat: String = read("/proc/self/stat")
    let fields: [Substring] = stat.lastIndex(of: ")").map { stat[stat.index(after: $0)...].split(separator: " ") } ?? []
    let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
    if fields.count > 21, let user = Double(fields[11]), let system = Double(fields[12]), let virtual = Double(fields[20]),
      let pages = Double(fields[21])
    {
      gauge("process_cpu_seconds_total", (user + system) / ticks, "counter")
      gauge("process_resident_memory_bytes", pages * Double(sysconf(Int32(_SC_PAGESIZE))))
      gauge("process_virtual_memory_bytes", virtual)
    }
    // Under etcd's names, too.
    if let open: Int = openFiles() { for name in ["process_open_fds", "os_fd_used"] { gauge(name, Double(open)) } }
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      for name in ["process_max_fds", "os_fd_limit"] { gauge(name, Double(limit.rlim_cur)) }
    }
    if getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0 {
      // All bits set: no limit. Go's library writes that number, too.
      gauge("process_virtual_memory_max_bytes", Double(limit.rlim_cur))
    }
    return lines
  }

  private static func openFiles() -> Int? {
    guard let folder = opendir("/proc/self/fd") else { return nil }
    defer { closedir(folder) }
    // Not counted: `.`, `..` and the folder itself.
    var count: Int = -3
    while readdir(folder) != nil { count += 1 }
    return max(0, count)
  }

  private static func read(_ path: String) -> String {
    let file: Int32 = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count: Int = Glibc.read(file, &bytes, bytes.count)
    return String(decoding: bytes[..<max(0, count)], as: UTF8.self)
  }
}
