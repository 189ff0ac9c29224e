import Primitives

/// The version 2 document in protobuf (gnostic's `openapi.v2.Document`): the only form that older kubectl and client libraries ask for.
/// Field numbers: gnostic, openapiv2/OpenAPIv2.proto. Only what `OpenAPIDocuments` writes is encoded.
enum OpenAPIProtobuf {
  static func encode(_ document: JSONValue) -> Bytes {
    var out = ProtobufWriter()
    out.string(1, document["swagger"])
    out.message(2) { info in
      info.string(1, document["info"]["title"])
      info.string(2, document["info"]["version"])
    }
    out.message(8) { paths in
      for member in document["paths"].object?.members ?? [] { paths.named(2, member.key) { path(&$0, member.value) } }
    }
    out.message(9) { definitions in
      for member in document["definitions"].object?.members ?? [] { definitions.named(1, member.key) { schema(&$0, member.value) } }
    }
    return out.bytes
  }

  private static func path(_ out: inout ProtobufWriter, _ item: JSONValue) {
    for (method, number) in [("get", 2), ("put", 3), ("post", 4), ("delete", 5), ("patch", 8)] where !item[method].isNull {
      out.message(number) { operation(&$0, item[method]) }
    }
    for one in item["parameters"].array { out.message(9) { parameter(&$0, one) } }
  }

  private static func operation(_ out: inout ProtobufWriter, _ json: JSONValue) {
    out.strings(1, json["tags"])
    out.string(3, json["description"])
    out.string(5, json["operationId"])
    out.strings(6, json["produces"])
    out.strings(7, json["consumes"])
    for one in json["parameters"].array { out.message(8) { parameter(&$0, one) } }
    out.message(9) { responses in
      for member in json["responses"].object?.members ?? [] {
        responses.named(1, member.key) { value in
          value.message(1) { response in
            response.string(1, member.value["description"])
            if !member.value["schema"].isNull {
              response.message(2) { item in item.message(1) { schema(&$0, member.value["schema"]) } }
            }
          }
        }
      }
    }
    out.strings(10, json["schemes"])
    extensions(&out, 13, json)
  }

  private static func parameter(_ out: inout ProtobufWriter, _ json: JSONValue) {
    out.message(1) { parameter in
      if json["in"] == "body" {
        parameter.message(1) { body in
          body.string(2, json["name"])
          body.string(3, json["in"])
          body.bool(4, json["required"])
          body.message(5) { schema(&$0, json["schema"]) }
        }
        return
      }
      // A query parameter may also be given without a value, so its type stands one place later.
      let isQuery: Bool = json["in"] == "query"
      parameter.message(2) { nonBody in
        nonBody.message(isQuery ? 3 : 4) { sub in
          sub.bool(1, json["required"])
          sub.string(2, json["in"])
          sub.string(3, json["description"])
          sub.string(4, json["name"])
          sub.string(isQuery ? 6 : 5, json["type"])
          sub.bool(isQuery ? 20 : 19, json["uniqueItems"])
        }
      }
    }
  }

  private static func schema(_ out: inout ProtobufWriter, _ json: JSONValue) {
    out.string(1, json["$ref"])
    out.string(2, json["format"])
    out.string(4, json["description"])
    out.strings(19, json["required"])
    if !json["additionalProperties"].isNull {
      out.message(21) { item in item.message(1) { schema(&$0, json["additionalProperties"]) } }
    }
    if !json["type"].isNull { out.message(22) { $0.string(1, json["type"]) } }
    if !json["items"].isNull { out.message(23) { items in items.message(1) { schema(&$0, json["items"]) } } }
    if let properties: JSONObject = json["properties"].object {
      out.message(25) { list in
        for member in properties.members { list.named(1, member.key) { schema(&$0, member.value) } }
      }
    }
    extensions(&out, 31, json)
  }

  /// `x-…` members, each as YAML text, which JSON is.
  private static func extensions(_ out: inout ProtobufWriter, _ number: Int, _ json: JSONValue) {
    for member in json.object?.members ?? [] where member.key.hasPrefix("x-") {
      out.named(number, member.key) { $0.string(2, .string(member.value.serialized().text + "\n")) }
    }
  }
}

/// Length-delimited fields and booleans: all that this document needs.
struct ProtobufWriter {
  private(set) var bytes: Bytes = []

  private mutating func varint(_ value: UInt64) {
    var rest: UInt64 = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func string(_ number: Int, _ value: JSONValue) {
    guard let text: String = value.string, !text.isEmpty else { return }
    field(number, Array(text.utf8))
  }

  mutating func strings(_ number: Int, _ list: JSONValue) {
    for one in list.array { string(number, one) }
  }

  mutating func bool(_ number: Int, _ value: JSONValue) {
    guard value.bool == true else { return }
    varint(UInt64(number << 3))
    bytes.append(1)
  }

  mutating func message(_ number: Int, _ body: (inout ProtobufWriter) -> Void) {
    var inner = ProtobufWriter()
    body(&inner)
    field(number, inner.bytes)
  }

  /// An entry of a map: name and value.
  mutating func named(_ number: Int, _ name: String, _ body: (inout ProtobufWriter) -> Void) {
    message(number) { entry in
      entry.field(1, Array(name.utf8))
      entry.message(2, body)
    }
  }

  private mutating func field(_ number: Int, _ content: Bytes) {
    varint(UInt64(number << 3 | 2))
    varint(UInt64(content.count))
    bytes += content
  }
}
