import Primitives
import Processes
import Site
import Testing

@testable import Lab

@Suite struct LabPartsTests {
  static let siteFile: String = #filePath.replacing("/Tests/LabTests/LabPartsTests.swift", with: "/sites/lab/site.yaml")

  @Test func theFallbacksSiteIsItselfAWellFormedSite() throws {
    let site: Site = try SiteReader.read(path: Self.siteFile)
    let loopback: Site = try SiteReader.parse(LoopbackSite.text(site, dnsPort: 10_053), file: "loopback")
    #expect(loopback.hosts.map(\.name) == site.hosts.map(\.name))
    #expect(loopback.hosts[0].address.description == "127.71.0.11")
    #expect(loopback.activation.lease == site.activation.lease)
    #expect(loopback.links.map(\.roundTrip) == site.links.map(\.roundTrip))
    #expect(loopback.lab?.loopback == true)
  }

  @Test func servicesSurviveTheirFile() {
    let services: [HostInit.Service] = [.init(name: "center", arguments: ["/a b", "--x", ""]), .init(name: "node", arguments: ["n"])]
    #expect(HostInit.decode(HostInit.encode(services)).map(\.arguments) == services.map(\.arguments))
  }

  @Test func everyHostHasACableAndEveryPodRangeARoute() throws {
    let site: Site = try SiteReader.read(path: Self.siteFile)
    let cables: String = LabNetwork.cables(site)
    for host in ["prod-1", "prod-2", "ldr-1", "ldr-2", "rdr-1", "branch"] { #expect(cables.contains("peer name eth0 netns tc-\(host)")) }
    let routes: String = LabNetwork.wideAreaSide(site, device: "wan0")
    for host in site.hosts { #expect(routes.contains("route add \(host.pods) via \(host.address)")) }
  }

  @Test(.enabled(if: findProgram("tar") != nil, "tar is not installed")) func tarReadsTheArchive() throws {
    let image: ImageArchive = .web(busybox: Bytes("not really busybox"))
    let archive: Bytes = image.archive()
    #expect(archive == image.archive())
    let listing: String = try Command(["tar", "tvf", "-"], input: archive).runBlockingChecked()
    #expect(listing.contains("index.json") && listing.contains("oci-layout"))
    #expect(listing.split(separator: "\n").filter { $0.contains("blobs/sha256/") && !$0.hasPrefix("d") }.count == 3)
    let layer: String = try Command(["tar", "tvf", "-"], input: image.layer).runBlockingChecked()
    #expect(layer.contains("bin/sh -> busybox") && layer.contains("-rwxr-xr-x"))
  }
}
