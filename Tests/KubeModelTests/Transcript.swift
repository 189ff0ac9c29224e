import Glibc
import Primitives
import Testing

@testable import KubeModel

/// Golden cases: blocks of `NAME`, an input document, `----`, the expected document, an empty line. With TRICENTER_REWRITE=1 in the
/// environment the expected parts are written anew.
func checkTranscript(_ path: String, _ transform: (String, JSONValue) throws -> String) throws {
  let text: String = try #require(readFile(path), "cannot read \(path)")
  let rewriting: Bool = getenv("TRICENTER_REWRITE") != nil
  var output: [String] = []
  for block in text.split(separator: "\n\n", omittingEmptySubsequences: true) {
    let lines: [Substring] = block.split(separator: "\n", omittingEmptySubsequences: true)
    if lines.allSatisfy({ $0.hasPrefix("#") }) {
      output.append(String(block))
      continue
    }
    let line: Int = try #require(lines.firstIndex(of: "----"), "no ---- in:\n\(block)")
    let name = String(lines[0])
    let input: JSONValue = try .parse(lines[1..<line].joined(separator: "\n"))
    let actual: String = try transform(name, input)
    let expected: String = lines[(line + 1)...].joined(separator: "\n")
    if !rewriting { #expect(actual == expected, "\(path): \(lines[1])") }
    output.append((lines[...line] + [Substring(actual)]).joined(separator: "\n"))
  }
  if rewriting { writeFile(path, output.joined(separator: "\n\n") + "\n") }
}

private func readFile(_ path: String) -> String? {
  guard let file = fopen(path, "r") else { return nil }
  defer { fclose(file) }
  var bytes: Bytes = []
  var chunk = Bytes(repeating: 0, count: 65_536)
  while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
  return bytes.text
}

private func writeFile(_ path: String, _ text: String) {
  guard let file = fopen(path, "w") else { return }
  defer { fclose(file) }
  let bytes = Bytes(text)
  _ = fwrite(bytes, 1, bytes.count, file)
}
