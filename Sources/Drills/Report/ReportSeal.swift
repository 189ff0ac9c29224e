import KubeModel
import Primitives
import TLS

/// What makes a report evidence: its place in the federation's chain of reports, and a signature over both. A report is its members without
/// `seal`; its hash is SHA-256 of their compact form.
public enum ReportSeal {
  public static let algorithm = "sha256, signed with the key of the certificate"

  /// What is checked of one.
  public struct Finding: Sendable {
    public var sequence: Int64 = 0
    public var previous: String = ""
    public var hash: String = ""
    public var signer: String = ""
    /// Why it is not to be believed, in sentences; empty: it is as it was signed.
    public var problems: [String] = []
  }

  public static func hash(_ report: JSONValue) -> String {
    var bare: JSONValue = report
    bare["seal"] = .null
    return SHA256.hexadecimal(Bytes(bare.serialized()))
  }

  private static func message(_ sequence: Int64, _ previous: String, _ hash: String) -> Bytes {
    Bytes("tricenter report\n\(sequence)\n\(previous)\n\(hash)\n")
  }

  /// - Parameter previous: hash of the report before; empty for the first.
  public static func sealed(_ report: JSONValue, sequence: Int64, previous: String, by identity: TLSIdentity) throws -> JSONValue {
    let hash: String = hash(report)
    let signature: Bytes = try identity.key.sign(message(sequence, previous, hash))
    var document: JSONValue = report
    document["seal"] = [
      "sequence": .int(sequence), "previous": .string(previous), "hash": .string(hash), "algorithm": .string(algorithm),
      "certificate": .string(identity.certificate.pem.text), "signature": .string(Base64.encode(signature)),
    ]
    return document
  }

  /// - Parameter trust: the federation's authority.
  public static func check(_ document: JSONValue, trust: TLSTrust) -> Finding {
    var finding = Finding()
    let seal: JSONValue = document["seal"]
    finding.hash = hash(document)
    guard seal.object != nil else {
      finding.problems.append("The report has no seal: nobody vouches for it.")
      return finding
    }
    finding.sequence = seal["sequence"].int ?? 0
    finding.previous = seal["previous"].string ?? ""
    if seal["hash"].string != finding.hash {
      finding.problems.append(
        "The report was changed after it was sealed: its hash is \(finding.hash), the seal says \(seal["hash"].string ?? "nothing").")
    }
    guard let certificate: Certificate = try? Certificate.all(pem: Bytes(seal["certificate"].string ?? "")).first,
      let signature: Bytes = Base64.decode(seal["signature"].string ?? "")
    else {
      finding.problems.append("The seal holds no certificate and signature.")
      return finding
    }
    finding.signer = certificate.commonName
    if !trust.authorities.contains(where: { certificate.isSigned(by: $0) }) {
      finding.problems.append("The certificate \(certificate.commonName) was not issued by this federation's authority.")
    }
    if certificate.commonName != FederationPKI.reports {
      finding.problems.append("\(certificate.commonName) does not sign reports: \(FederationPKI.reports) does.")
    }
    if let at = document["started_at"].string.flatMap({ WallTime(rfc3339: $0) }), !certificate.isValid(at: at) {
      finding.problems.append("The certificate was not valid when the run began, at \(at.rfc3339).")
    }
    if !certificate.isValid(signature, for: message(finding.sequence, finding.previous, seal["hash"].string ?? "")) {
      finding.problems.append("The signature does not fit: the report, its number or the report before it was changed.")
    }
    return finding
  }

  /// Problems between reports that are said to follow each other, in the order of their numbers.
  public static func chainProblems(_ findings: [(name: String, finding: Finding)]) -> [String] {
    let sorted = findings.sorted { $0.finding.sequence < $1.finding.sequence }
    var problems: [String] = []
    for (one, next) in zip(sorted, sorted.dropFirst()) {
      // A report and its page.
      if one.finding.sequence == next.finding.sequence, one.finding.hash == next.finding.hash { continue }
      if one.finding.sequence == next.finding.sequence {
        problems.append("\(one.name) and \(next.name) both have the number \(one.finding.sequence).")
      } else if one.finding.sequence + 1 == next.finding.sequence, next.finding.previous != one.finding.hash {
        problems.append("\(next.name) does not follow \(one.name): it names \(next.finding.previous) as the report before it.")
      }
    }
    return problems
  }
}
