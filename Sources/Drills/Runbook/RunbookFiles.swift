import Glibc
import Primitives

/// The files that a runbook's inputs name: beside the runbook, or carried by the run that a runner in another center takes up.
public enum RunbookFiles: Sendable {
  case folder(String)
  case carried([String: String])

  /// Nil when there is no such file, or it is too large.
  public func text(_ name: String) -> String? {
    switch self {
    case .carried(let files): return files[name]
    case .folder(let folder):
      guard let file = fopen("\(folder)/\(name)", "r") else { return nil }
      defer { fclose(file) }
      var bytes = Bytes(repeating: 0, count: DrillLimits.fileBytes + 1)
      let count: Int = fread(&bytes, 1, bytes.count, file)
      return count > DrillLimits.fileBytes || ferror(file) != 0 ? nil : Bytes(bytes[..<count]).text
    }
  }

  func place(_ name: String) -> String {
    switch self {
    case .carried: name
    case .folder(let folder): "\(folder)/\(name)"
    }
  }
}
