import NIOCore
import TestSupport
import Testing

@testable import HTTP

/// The codec against written conversations (`testdata/http2-*.txt`), each fed whole and byte by byte.
@Suite struct HTTP2TranscriptTests {
  static let names: [String] = [
    "http2-requests", "http2-streams", "http2-flow-control", "http2-frames", "http2-malformed", "http2-floods", "http2-goaway",
  ]

  @Test(arguments: names) func saysWhatIsWritten(_ name: String) throws {
    var script = CodecScript()
    let differences: [Transcript.Difference] = try Transcript.check(testdata(#filePath, "\(name).txt")) {
      try script.run($0)
    }
    for difference in differences { Issue.record("\(difference)") }
  }

  /// Byte by byte the same events in the same order; only the moment differs at which answers are written.
  @Test(arguments: names) func byteByByteIsTheSame(_ name: String) throws {
    let lines: [Substring] = try Transcript.readText(testdata(#filePath, "\(name).txt"))
      .split(separator: "\n", omittingEmptySubsequences: false)
    var whole = CodecScript()
    var dripped = CodecScript()
    dripped.piece = 1
    var isCommand: Bool = true
    for line in lines {
      if line.isEmpty { isCommand = true } else if line == "----" { isCommand = false }
      // Floods are long, and say the same.
      guard isCommand, !line.isEmpty, !line.hasPrefix("#"), !line.hasPrefix("times"), !line.hasPrefix("pings") else { continue }
      let expected: String = try whole.run(String(line))
      #expect(try dripped.run(String(line)) == expected, "\(name): \(line)")
    }
  }
}
