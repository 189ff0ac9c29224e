import Primitives
import Site

extension FuzzTarget {
  /// What is said to the wide-area element.
  public static var lab: [FuzzTarget] { [control] }

  private static var control: FuzzTarget {
    let change = LinkSetting.Change(delay: .milliseconds(5), loss: 0.1, bitsPerSecond: 1_000, cut: true)
    let corpus: [String] = [
      "show", WideAreaControl.command(from: "a", to: "b", change),
      WideAreaControl.command("f", from: "a", to: "b", change, port: 53, lease: .seconds(3)),
      WideAreaControl.command("f", from: "a", to: "b", change, port: nil, every: .seconds(1), lease: .seconds(3)),
    ]
    return FuzzTarget("wide-area-control", corpus: corpus.map { Bytes($0) }, words: [Bytes("fault"), Bytes("mend"), Bytes("for=")]) {
      input throws(FuzzFinding) in
      var network = WideAreaNetwork(places: [("a", []), ("b", [])], seed: 1)
      let answer: String = WideAreaControl.answer(input.text, &network, now: MonotonicTime(nanoseconds: 1_000_000_000))
      guard answer.hasSuffix("\n") else { throw FuzzFinding("an answer without an end: \(answer)") }
      return answer.hasSuffix("ok\n")
    }
  }
}
