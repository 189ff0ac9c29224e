import Primitives

extension FuzzTarget {
  /// Objects, patches and the small languages inside them.
  public static var kubeModel: [FuzzTarget] { [json, patches, labelSelectors, fieldSelectors, quantities, base64] }

  private static let pod = Bytes(
    #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","labels":{"x":"y"},"finalizers":["k"]},"spec":{"containers":[{"name":"c","image":"i","ports":[{"containerPort":80}]}],"n":[1,-2,3.5e10,true,null,"\ud83d\ude00\n"]}}"#
  )
  private static let words: [Bytes] = [
    "null", "true", "{", "}", "[", "]", "\"a\":", ",", "1e999", "-0", "0.1", "9223372036854775808", "\\ud800", "\\u0000",
    "\"$patch\":\"delete\"",
    "\"$setElementOrder/finalizers\":[", "\"name\":\"c\"",
  ].map { Bytes($0) }

  private static var json: FuzzTarget {
    FuzzTarget("kube-json", corpus: [pod, Bytes("[1.0,1e40,0]"), Bytes(" {} ")], words: words) { input throws(FuzzFinding) in
      guard let value = try? JSONValue.parse(input) else { return false }
      let written: Bytes = value.serialized()
      guard let again = try? JSONValue.parse(written) else { throw FuzzFinding("what was written is refused: \(written.text.prefix(200))") }
      guard again.serialized() == written else {
        throw FuzzFinding("it is written in another way the second time: \(written.text.prefix(200))")
      }
      return true
    }
  }

  /// An object and a patch, one behind the other; every format that takes it must give an object that can be written.
  private static var patches: FuzzTarget {
    let patches: [String] = [
      #"[{"op":"add","path":"/metadata/labels/z","value":1},{"op":"move","from":"/spec/n/0","path":"/spec/n/-"},{"op":"remove","path":"/spec/n/1"}]"#,
      #"[{"op":"test","path":"/metadata/labels/x","value":"y"},{"op":"add","path":"/a~1b","value":[{}]},{"op":"copy","from":"/a~1b/0","path":"/m"}]"#,
      #"{"metadata":{"labels":{"x":null},"finalizers":["a"],"$deleteFromPrimitiveList/finalizers":["k"]}}"#,
      #"{"spec":{"containers":[{"name":"c","$patch":"delete"},{"name":"d"}],"$setElementOrder/containers":[{"name":"d"},{"name":"c"}],"$retainKeys":["containers"]}}"#,
    ]
    let target: JSONValue = (try? JSONValue.parse(pod)) ?? .null
    let type: ValueType = SchemaTable.shared.id("core.v1.Pod").map { .object($0) } ?? .any
    return FuzzTarget("kube-patches", corpus: patches.map { Bytes($0) }, words: words) { input throws(FuzzFinding) in
      guard let patch = try? JSONValue.parse(input) else { return false }
      var isTaken: Bool = false
      for format in [PatchFormat.json, .merge, .strategic] {
        guard let result: JSONValue = try? Patches.apply(format, patch, to: target, type: type) else { continue }
        isTaken = true
        guard (try? JSONValue.parse(result.serialized(), maximumDepth: 10_000)) != nil else {
          throw FuzzFinding("\(format.rawValue) gives what cannot be read: \(result.serialized().text.prefix(200))")
        }
      }
      return isTaken
    }
  }

  private static var labelSelectors: FuzzTarget {
    let texts: [String] = ["a=b,c!=d", "x in (a, b),!y,z", "a notin (b),k==v", ""]
    return FuzzTarget("label-selectors", corpus: texts.map { Bytes($0) }, words: [" in (", ")", ",", "!=", "!", "notin"].map { Bytes($0) })
    {
      input throws(FuzzFinding) in
      guard let selector: LabelSelector = try? LabelSelector.parse(input.text) else { return false }
      let again: LabelSelector? = try? LabelSelector.parse(selector.description)
      guard again?.description == selector.description else {
        throw FuzzFinding("\(selector.description) comes back as \(again?.description ?? "nothing")")
      }
      _ = selector.matches(["a": "b"])
      return true
    }
  }

  private static var fieldSelectors: FuzzTarget {
    let texts: [String] = ["metadata.name=a", "status.phase!=Running,spec.nodeName==n", "a=\\,\\=b"]
    return FuzzTarget("field-selectors", corpus: texts.map { Bytes($0) }, words: ["=", "!=", ",", "\\"].map { Bytes($0) }) {
      input throws(FuzzFinding) in
      guard let selector: FieldSelector = try? FieldSelector.parse(input.text) else { return false }
      let again: FieldSelector? = try? FieldSelector.parse(selector.description)
      guard again?.description == selector.description else {
        throw FuzzFinding("\(selector.description) comes back as \(again?.description ?? "nothing")")
      }
      return true
    }
  }

  private static var quantities: FuzzTarget {
    let texts: [String] = ["100m", "1.5Gi", "-3e6", "0.000000001", "12345678901234567890E", "1Ki", "+.5", "7n"]
    return FuzzTarget(
      "quantities", corpus: texts.map { Bytes($0) }, words: ["Ki", "e", "E", ".", "-", "00000000000000000000", "9999"].map { Bytes($0) }
    ) {
      input throws(FuzzFinding) in
      guard let quantity = Quantity(input.text) else { return false }
      guard let again = Quantity(quantity.description), again == quantity else {
        throw FuzzFinding("\(input.text.prefix(80)) is written as \(quantity.description), which is another")
      }
      return true
    }
  }

  private static var base64: FuzzTarget {
    FuzzTarget("kube-base64", corpus: [Bytes("Zm9vYg=="), Bytes("")], words: [Bytes("=")]) { input throws(FuzzFinding) in
      guard let bytes: Bytes = Base64.decode(input.text) else { return false }
      guard Base64.decode(Base64.encode(bytes)) == bytes else { throw FuzzFinding("it does not come back") }
      return true
    }
  }
}
