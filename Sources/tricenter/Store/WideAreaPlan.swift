import Primitives
import SiteLink
import Site
import Store

extension WideArea {
  /// As the site file has it.
  init(_ policy: StorePolicy) {
    self.init()
    relay = Relay(rawValue: policy.relay.rawValue) ?? .centers
    compression = LinkCompression(rawValue: policy.compression.rawValue) ?? .far
    let rates: (sameCenter: Int, sameCity: Int, far: Int) = policy.snapshotRates
    snapshotBytesPerSecond = BulkRates(sameCenter: rates.sameCenter, sameCity: rates.sameCity, far: rates.far)
  }

  /// As flags of ours have it, which etcd has not; what they leave out is the site file's.
  init(_ flags: EtcdFlags, _ site: Site?) throws {
    self.init(site?.store ?? StorePolicy())
    if flags.isGiven("relay") {
      guard let given = Relay(rawValue: flags["relay"]) else {
        throw ValidationFault("--relay=\(flags["relay"]) must be centers, cities or never")
      }
      relay = given
    }
    if flags.isGiven("link-compression") {
      guard let given = LinkCompression(rawValue: flags["link-compression"]) else {
        throw ValidationFault("--link-compression=\(flags["link-compression"]) must be far, always or never")
      }
      compression = given
    }
    for (name, place) in [
      ("snapshot-rate-same-center", \BulkRates.sameCenter), ("snapshot-rate-same-city", \.sameCity), ("snapshot-rate-far", \.far),
    ] where flags.isGiven(name) {
      guard let rate: Int = StorePolicy.rate(flags[name]) else {
        throw ValidationFault("--\(name)=\(flags[name]) must be bytes per second such as 50MiB, or 0 for no limit")
      }
      snapshotBytesPerSecond[keyPath: place] = rate
    }
  }
}
