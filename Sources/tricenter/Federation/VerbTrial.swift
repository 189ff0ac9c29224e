import Federation
import KubeClient
import KubeModel
import Primitives

/// `--dry-run` of a verb: what the API server says to the request as it would be made (`dryRun=All`: who may ask for it, and what admission
/// makes of it), and what the federation finds against it in every center. A refusal of the first kind does not hide the second.
struct VerbTrial: Sendable {
  let access: PersonAccess
  let client: KubeClient
  /// As it would be made.
  let asked: KubeObject
  /// The same with `spec.dryRun`, for the federation to answer.
  let question: KubeObject

  func run(_ limit: Duration) async throws -> KubeObject {
    let refusal: KubeError? = try await refusal { try await client.create(.failovers, asked, dryRun: true) }
    let unasked: KubeError? = try await self.refusal {
      do {
        return try await client.create(.failovers, question)
      } catch let error as KubeError where error.code == .alreadyExists {
        return try await client.get(.failovers, name: question.name)
      }
    }
    if let unasked {
      return RequestRefusal.unanswered(question, refusal ?? unasked, target: await target())
    }
    var end: KubeObject = try await OperationWatch(access: access, client: client, name: question.name).untilEnd(limit) { _ in }
    if let refusal { RequestRefusal.add(refusal, to: &end) }
    return end
  }

  /// Why the API server says no; nil if it does not. Whatever else keeps it from answering is thrown.
  private func refusal(_ body: @Sendable () async throws -> KubeObject) async throws -> KubeError? {
    do {
      _ = try await access.patiently(.seconds(30), body)
      return nil
    } catch let error as KubeError where error.isRefusal {
      return error
    }
  }

  /// What was found of the target when the rules were evaluated last, as far as this user may know it.
  private func target() async -> KubeObject? { try? await client.get(.centers, name: question.spec["to"].string ?? "") }
}
