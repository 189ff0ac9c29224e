import NIOCore
import Primitives

extension FuzzTarget {
  /// What strangers and peers send on the link.
  public static var siteLink: [FuzzTarget] {
    let hello = Frame.hello(Hello(clusterID: 0xBA, from: MemberID(1), to: MemberID(2)))
    var messages = ByteBuffer()
    Frame.writeChunk(ByteBuffer(string: "append, the first part"), .normal, isLast: false, to: &messages)
    Frame.writeChunk(ByteBuffer(string: "vote"), .urgent, isLast: true, to: &messages)
    Frame.writeChunk(ByteBuffer(string: ", and the second"), .normal, isLast: true, to: &messages)
    Frame.writeChunk(ByteBuffer(), .bulk, isLast: true, to: &messages)
    // Compressed, as between cities.
    if let small: ByteBuffer = Compressor().compress(ByteBuffer(repeating: 7, count: 2000)) {
      Frame.writeChunk(small, .bulk, isLast: true, isCompressed: true, to: &messages)
    }
    let featured = Frame.hello(
      Hello(clusterID: 0xBA, from: MemberID(1), to: MemberID(2), epoch: LinkEpoch(number: 3, mark: 9), features: .own))
    let control: [ByteBuffer] = [
      hello, featured, Frame.welcome(MemberID(2), .own), Frame.welcome(MemberID(2)), Frame.ping(77), Frame.pong(77), Frame.refusal("no"),
      Frame.refusal("gone", isRemoval: true),
    ]
    let corpus: [Bytes] = (control + [messages]).map { Bytes($0.readableBytesView) } + [control.flatMap { Bytes($0.readableBytesView) }]
    return [
      .stream("sitelink-frames", corpus: corpus) { pieces in
        var decoder = FrameDecoder(limits: LinkLimits())
        var events: [String] = []
        do {
          for piece in pieces {
            var bytes = ByteBuffer(bytes: piece)
            decoder.append(&bytes)
            while let event: FrameDecoder.Event = try decoder.next() {
              if case .message(let priority, let buffer) = event {
                events.append("\(priority) \(Bytes(buffer.readableBytesView))")
              } else {
                events.append("\(event)")
              }
            }
          }
          return (events, true)
        } catch {
          return (events + [(error as? LinkError)?.code.name ?? ""], false)
        }
      }
    ]
  }
}
