/**
 * The ordered map of the sorted-btree package. It is CommonJS with an ES default export, which Node hands over as a
 * property and test runners and bundlers as the thing itself; this module takes both.
 */
import sortedBtree from "sorted-btree";

type BTreeClass = typeof sortedBtree.default;

export const OrderedMap: BTreeClass =
  typeof sortedBtree === "function" ? (sortedBtree as unknown as BTreeClass) : sortedBtree.default;
