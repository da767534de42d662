/**
 * What bytes hold within: archives and what is packed in them, texts in UTF-16, notebooks, base64 and hex within texts. Hands everything
 * to a visitor that any reader of it might see: what stands in front of an archive, behind it and between its members, too. Writes nothing
 * to a disk, and trusts no size, name or number that an archive says.
 * Invariant: what is not looked at is said, with why; time and memory are bounded by `UnpackLimits`, whatever the bytes are.
 */
export type { Content, Position, Unseen, UnseenCode } from './model.ts'
export type { Member, MemberReader, UnpackLimits, UnpackOptions } from './model.ts'
export { isArchive, isPacked } from './form.ts'
export { lfsPointerIn } from './lfs.ts'
export { unpack, type Input } from './unpack.ts'
export type { Placed } from './flow.ts'
