import Primitives
import Site

extension Lab {
  /// Changes the line from one place to another, in both directions unless `oneWay`. `delay` is the round trip that the line shall have
  /// (half of it each way), or with `oneWay` the delay of that direction. In the fallback there is no wide-area element: throws `.missing`.
  public func link(_ from: String, _ to: String, oneWay: Bool, _ change: LinkSetting.Change) throws {
    guard usesNamespaces else {
      throw LabError(.missing, "This lab runs on loopback addresses, without a wide-area element: its links cannot be changed.")
    }
    let client = WideAreaClient(directory: directory)
    var one: LinkSetting.Change = change
    if !oneWay, let delay: Duration = change.delay { one.delay = delay / 2 }
    try client.change(from: from, to: to, one)
    if !oneWay { try client.change(from: to, to: from, one) }
  }

  /// Cuts or mends every line of a place.
  public func isolate(_ place: String, cut: Bool) throws {
    let others: [String] = LabNetwork.places(site).map(\.name).filter { $0 != place }
    for other in others { try link(place, other, oneWay: false, .init(cut: cut)) }
  }

  public func lines() throws -> [LineReport] { try WideAreaClient(directory: directory).lines() }
}
