import HTTP
import NIOCore
import Primitives

extension FuzzTarget {
  /// What a container runtime and its logs say.
  public static var kubelet: [FuzzTarget] {
    var container = ProtobufWriter()
    container.string(1, "id")
    container.string(2, "sandbox")
    container.message(3) { $0.string(1, "name") }
    container.message(4) { $0.string(1, "image") }
    container.int64(6, 1)
    container.int64(7, 1 << 60)
    container.map(8, ["io.kubernetes.pod.uid": "u"])
    container.map(9, ["a": "b"])
    let wire = Bytes(container.buffer.readableBytesView)
    let decoders: [@Sendable (ProtobufReader) throws -> Void] = [
      { _ = try ContainerObservation(criListElement: $0) }, { _ = try ContainerObservation(criStatus: $0) },
      { _ = try ImageFacts(cri: $0) },
      { _ = try SandboxObservation(cri: $0, isListElement: true) }, { _ = try SandboxObservation(cri: $0, isListElement: false) },
    ]
    let lines: [String] = ["2026-11-22T10:00:00.123456789Z stdout F text", "2026-11-22T10:00:00Z stderr P part", "x stdout  "]
    return [
      FuzzTarget("cri-messages", corpus: [wire]) { input throws(FuzzFinding) in
        var isTaken: Bool = false
        for decoder in decoders where (try? decoder(ProtobufReader(ByteBuffer(bytes: input)))) != nil { isTaken = true }
        return isTaken
      },
      FuzzTarget("container-log-lines", corpus: lines.map { Bytes($0) }, words: [Bytes(" "), Bytes(":"), Bytes("stdout ")]) {
        input throws(FuzzFinding) in
        _ = ContainerLog.endsLine(input[...])
        return ContainerLog.parse(input[...]) != nil
      },
      FuzzTarget("kubelet-queries", corpus: [Bytes("command=a&command=%20b&tty=1")], words: ["&", "=", "%", "+"].map { Bytes($0) }) {
        input throws(FuzzFinding) in
        _ = KubeletResponder.pairs(Substring(input.text))
        return true
      },
    ]
  }
}
