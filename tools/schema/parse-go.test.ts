import { describe, expect, test } from "vitest";
import { parseGoFile } from "./parse-go.ts";

const source = `
/*
Copyright: type Nothing struct {
*/
package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

const Single = "alone"

const (
	// A comment.
	Red Colour = "red"
	Blue = Colour("blue")
	Same = Colour(other.Red)
	count = 3
)

// +genclient

// Thing is a thing.
// +enum
type Colour string

type Alias = Colour

type Reader interface {
	Read(p []byte) error
}

// +structType=atomic
type Thing struct {
	metav1.TypeMeta \`json:",inline"\`
	// The name.
	// +optional
	// +default="x"
	// +listMapKey=a
	// +listMapKey=b
	Name *string \`json:"name,omitempty" protobuf:"bytes,1,opt,name=name"\` // trailing
	// detached +marker

	Raw  runtime.RawExtension
}

func (t *Thing) Do() string {
	if true {
		return "}" + "type Wrong struct {"
	}
	return \`
type Wrong struct {
\`
}

type Empty struct{}
`;

describe("parseGoFile", () => {
  const file = parseGoFile(source);

  test("reads imports under the names the file uses", () => {
    expect(Object.fromEntries(file.imports)).toEqual({
      metav1: "k8s.io/apimachinery/pkg/apis/meta/v1",
      runtime: "k8s.io/apimachinery/pkg/runtime",
    });
  });

  test("reads string constants with their types, and leaves others out", () => {
    expect(file.constants).toEqual([
      { name: "Single", type: undefined, value: "alone", isReference: false },
      { name: "Red", type: "Colour", value: "red", isReference: false },
      { name: "Blue", type: "Colour", value: "blue", isReference: false },
      { name: "Same", type: "Colour", value: "other.Red", isReference: true },
    ]);
  });

  test("reads declarations, skipping functions and comments", () => {
    expect(file.types.map((one) => [one.kind, one.name])).toEqual([
      ["named", "Colour"],
      ["named", "Alias"],
      ["named", "Reader"],
      ["struct", "Thing"],
      ["struct", "Empty"],
    ]);
  });

  test("counts markers of a type that stand one blank line above it", () => {
    expect([...file.types[0]!.markers.keys()]).toEqual(["genclient", "enum"]);
  });

  test("reads fields with tags and markers", () => {
    const thing = file.types.find((one) => one.name === "Thing");
    const fields = thing?.kind === "struct" ? thing.fields : [];
    expect(fields.map((field) => [field.name, field.type])).toEqual([
      [undefined, "metav1.TypeMeta"],
      ["Name", "*string"],
      ["Raw", "runtime.RawExtension"],
    ]);
    expect(Object.fromEntries(fields[1]!.tags)).toEqual({ json: "name,omitempty", protobuf: "bytes,1,opt,name=name" });
    expect(Object.fromEntries(fields[1]!.markers)).toEqual({
      optional: [""],
      default: ['"x"'],
      listMapKey: ["a", "b"],
    });
    expect(fields[2]!.markers.size).toBe(0);
  });
});
