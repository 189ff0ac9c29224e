import ArgumentParser
import Glibc
import KubeModel

/// `--output` of every command.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case text
  case json
}

/// One JSON document on standard output.
func printJSON(_ value: JSONValue) { printLine(String(decoding: value.serialized(), as: UTF8.self)) }

/// A line that is there at once, whatever standard output is (`print` into a file is fully buffered).
func printLine(_ text: String) {
  writeLine(text, to: 1)
}

/// Progress and problems, apart from what a program reads.
func printError(_ text: String) {
  writeLine(text, to: 2)
}

private func writeLine(_ text: String, to descriptor: Int32) {
  var line: String = text + "\n"
  line.withUTF8 { bytes in
    var written: Int = 0
    while written < bytes.count {
      let count: Int = write(descriptor, bytes.baseAddress! + written, bytes.count - written)
      if count < 0, errno != EINTR { return }
      written += max(0, count)
    }
  }
}
