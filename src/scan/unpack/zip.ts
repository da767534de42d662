import { flowOf, flowOfBytes, flowWithin, type Flow } from './flow.ts'
import { inflated, inflatedAtOnce } from './inflate.ts'
import { createRegion } from './region.ts'
import { deeper, memberOf, say, stopped, type Walk } from './walk.ts'
import { centralHeadIn, endBytes, isEncrypted, isOpenEnded, localBytes, localHeadIn } from './zip-fields.ts'
import { maxCentralBytes, shiftIn, type LocalHead } from './zip-fields.ts'

const signature = (text: string) => Buffer.from(text, 'latin1')
const pk = signature('PK')
const local = signature('PK\x03\x04')
const descriptor = signature('PK\x07\x08')
const central = signature('PK\x01\x02')
const end = signature('PK\x05\x06')
const signatures = [local, descriptor, central, end]
const descriptorBytes = 16
/** A zip in another archive is held in memory up to here, to be read by its directory, too. */
const heldBytes = 16_777_216

/** What was found while a zip was read from its beginning. */
interface Found {
  /** Where there are heads of members. */
  readonly opened: Set<number>
  /** Where a directory says that there are. */
  readonly named: Set<number>
  /** Where a member ends, if it is as long as it says. */
  readonly ends: Set<number>
  /** By how much the places of a directory may be off. */
  readonly shifts: Set<number>
}

/**
 * Visits the members of a zip: those that are found by reading it from its beginning, and those that only its directory names, or any of its
 * directories. Each is unpacked until its content says that it ends, whatever its sizes say. What is in front, between and behind is seen as it
 * is.
 */
export async function unpackZip(walk: Walk, flow: Flow): Promise<void> {
  const inner = deeper(walk)
  if (inner === undefined) return
  const held = flow.from === undefined && walk.budget.hold(heldBytes)
  try {
    if (held && !(await flow.fill(heldBytes)))
      await readZip(inner, flowOfBytes(Buffer.from(flow.take(heldBytes))))
    else await readZip(inner, flow)
  } finally {
    if (held) walk.budget.giveBack(heldBytes)
  }
}

async function readZip(walk: Walk, flow: Flow): Promise<void> {
  const found: Found = { opened: new Set(), named: new Set(), ends: new Set(), shifts: new Set([0]) }
  const between = createRegion({ ...walk, name: `${walk.name}!(between)` })
  const heads = createRegion({ ...walk, name: `${walk.name}!(heads)` })
  while (!walk.budget.isSpent() && (await flow.fill(1))) {
    await between.add(await untilSignature(flow))
    const is = (magic: Buffer) => flow.held.subarray(0, 4).equals(magic)
    if (is(local)) {
      await between.end()
      if (!(await openMember(walk, flow, found, heads.add))) return
    } else if (is(central)) await heads.add(await centralOf(flow, found))
    else if (is(descriptor)) await heads.add(await descriptorOf(flow))
    else {
      if (is(end) && (await flow.fill(endBytes))) found.shifts.add(shiftIn(flow.held, flow.offset))
      await between.add(flow.take(1))
    }
  }
  await between.end()
  await heads.end()
  await openUnvisited(walk, flow, found)
}

/** Takes what is no part of a zip, up to the next signature. */
async function untilSignature(flow: Flow): Promise<Buffer> {
  await flow.fill(4)
  for (let at = flow.held.indexOf(pk); at !== -1; at = flow.held.indexOf(pk, at + 1)) {
    if (at + 4 > flow.held.length) return flow.take(at)
    const next = flow.held.subarray(at, at + 4)
    if (signatures.some((magic) => next.equals(magic))) return flow.take(at)
  }
  // The last byte may be the first of a signature.
  return flow.take(flow.held.length - (flow.held.at(-1) === 0x50 && !flow.isWhole ? 1 : 0))
}

async function centralOf(flow: Flow, { named }: Found): Promise<Buffer> {
  await flow.fill(maxCentralBytes)
  const head = centralHeadIn(flow.held)
  if (head !== undefined) named.add(head.at)
  return flow.take(head?.bytes ?? 4)
}

async function descriptorOf(flow: Flow): Promise<Buffer> {
  await flow.fill(descriptorBytes)
  return flow.take(descriptorBytes)
}

/** Whether to go on. */
async function openMember(
  walk: Walk,
  flow: Flow,
  found: Found,
  see: (bytes: Buffer) => Promise<void>,
): Promise<boolean> {
  found.opened.add(flow.offset)
  await flow.fill(localBytes + 2 * 65_535)
  const head = localHeadIn(flow.held)
  await see(flow.take(head?.bytes ?? 4))
  // By itself: what stands right behind it may be letters, too.
  if (head !== undefined) await see(Buffer.from(`\n${head.name}\n`))
  if (head === undefined || (head.name.endsWith('/') && head.packed === 0)) return true
  const member = memberOf(walk, head.name)
  if (member === undefined) return false
  if (!isOpenEnded(head)) found.ends.add(flow.offset + head.packed)
  await openContent(member, flow, head)
  return true
}

const methods: Readonly<Record<number, 'deflate' | 'zstd'>> = { 8: 'deflate', 93: 'zstd' }

async function openContent(member: Walk, flow: Flow, head: LocalHead): Promise<void> {
  const form = methods[head.method]
  if (isEncrypted(head)) say(member, 'encrypted', 'it is encrypted, and was not looked into')
  else if (form !== undefined) {
    const whole =
      form === 'deflate' && !isOpenEnded(head) ? inflatedAtOnce(flow, head.packed, member.budget) : undefined
    if (whole !== undefined) return member.open(member, flowOfBytes(whole))
    const chunks = inflated(flow, form, member.budget)
    await member.open(member, flowOf(chunks, stopped(member)))
    await chunks.return(undefined)
  } else if (head.method !== 0)
    say(member, 'unknown_form', `it is packed by method ${head.method} of zip, which is not read`)
  // How long it is, only what is behind it says: it is looked at with what stands between the members.
  else if (!isOpenEnded(head)) {
    const content = await flowWithin(flow, head.packed)
    await member.open(member, content.flow)
    const missing = await content.rest()
    // A directory may name the same bytes as members over and over.
    member.budget.unpacked(head.packed - missing)
    if (missing > 0) say(member, 'broken', 'it breaks off: what is missing was not looked at')
  }
}

/** Members that readers find who go by a directory, or by sizes, and that were not come by. */
async function openUnvisited(walk: Walk, flow: Flow, found: Found): Promise<void> {
  const { opened, named, ends } = found
  const shifts = [...found.shifts].slice(0, 4)
  if (flow.from === undefined) {
    if ([...named].some((at) => !shifts.some((shift) => opened.has(at + shift))))
      say(walk, 'broken', 'its directory leads into other members: unpack it, and scan what is in it')
    return
  }
  // Each member that is opened may say that another one follows it.
  for (const said of [named, ends])
    for (const place of said)
      for (const at of shifts.map((shift) => place + shift)) {
        if (opened.has(at) || at < 0 || at >= flow.offset || walk.budget.isSpent()) continue
        const there = flow.from(at)
        const isMember = (await there.fill(4)) && there.held.subarray(0, 4).equals(local)
        if (isMember && !(await openMember(walk, there, found, async () => {}))) return
      }
}
