/// The rules of runs of runbooks: what a run was begun with stays as it was checked, an abort stays, a decision stays.
extension Validation {
  /// Bytes of a runbook and its files in a run: the object stays below what the store takes.
  private static let longestPlan: Int = 512 << 10

  @Sendable static func runbookRun(_ run: JSONValue, _ errors: inout [FieldError]) {
    let source: Int = run["spec"]["source"].string?.utf8.count ?? 0
    let files: Int = run["spec"]["files"].stringMap.values.reduce(0) { $0 + $1.utf8.count }
    if source + files > longestPlan {
      errors.append(
        .invalid(
          FieldPath("spec.files"), .int(Int64(files)),
          "runbook and files together may have \(longestPlan) bytes, not \(source + files): leave objects out or apply them beforehand"))
    }
    let hash: String = run["spec"]["planHash"].string ?? ""
    if !hash.isEmpty, hash.utf8.count != 64 || !hash.utf8.allSatisfy({ ($0 >= 48 && $0 <= 57) || ($0 >= 97 && $0 <= 102) }) {
      errors.append(.invalid(FieldPath("spec.planHash"), .string(hash), "must be a SHA-256 in lower-case hexadecimal"))
    }
  }

  @Sendable static func runbookRunUpdate(_ new: JSONValue, _ old: JSONValue, _ errors: inout [FieldError]) {
    let fixed: [String] = [
      "runbook", "title", "source", "files", "planHash", "siteHash", "parameters", "variant", "mode", "requestedBy",
    ]
    for field in fixed { unchanged(new["spec"][field], old["spec"][field], FieldPath("spec").child(field), &errors) }
    if old["spec"]["abort"].bool == true, new["spec"]["abort"].bool != true {
      errors.append(.forbidden(FieldPath("spec.abort"), "a run that was aborted is not taken up again: begin another"))
    }
  }

  @Sendable static func runbookApproval(_ approval: JSONValue, _ errors: inout [FieldError]) {
    for field in ["run", "step"] where approval["spec"][field].string?.isEmpty == true {
      errors.append(.required(FieldPath("spec").child(field), "a decision is about one step of one run"))
    }
  }

  @Sendable static func runbookApprovalUpdate(_ new: JSONValue, _ old: JSONValue, _ errors: inout [FieldError]) {
    for field in ["run", "step", "decision", "comment", "user", "groups"] {
      unchanged(new["spec"][field], old["spec"][field], FieldPath("spec").child(field), &errors)
    }
  }
}
