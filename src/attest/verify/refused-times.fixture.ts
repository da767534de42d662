import 'reflect-metadata'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { createSigner } from '../../audit/sign/index.ts'
import { der } from '../../der/index.ts'
import type { VerifyReason } from './index.ts'
import type { Made } from './refused.fixture.ts'
import type { World } from './world.fixture.ts'

const minuteMs = 60_000

export function refusedTimes({ nowMs }: World): readonly Made[] {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const at = (minutes: number) => ({ timestamp: { timeMs: nowMs + minutes * minuteMs } })
  const unread = 'it does not read that'
  return [
    ['leaf expired', 'outside_certificate', { leaf: { notAfterMs: nowMs - 1000 } }],
    ['leaf of later', 'outside_certificate', { leaf: { notBeforeMs: nowMs + 2000 } }],
    ['timestamp before the leaf', 'outside_certificate', at(-60)],
    ['timestamp of what has not come', 'in_future', at(6), 'it has no clock'],
    ['timestamp before its authority', 'outside_authority', at(-30 * 60)],
    ['timestamp with an odd fraction', 'bad_timestamp', { timestamp: { timeMs: nowMs + 120 } }],
    ['timestamp of another signature', 'timestamp_of_other', { timestamp: { of: randomBytes(70) } }],
    ['timestamp by another key', 'untrusted_timestamp', { timestamp: { key: privateKey } }],
    ['timestamp not granted', 'bad_timestamp', { timestamp: { status: 2 } }, unread],
    ['timestamp granted with modifications', 'bad_timestamp', { timestamp: { status: 1 } }, 'it takes that'],
    [
      ...(['timestamp that names its certificate by SHA-1 alone', 'bad_timestamp'] as const),
      { timestamp: { v1: 'alone' } },
      'it takes that',
    ],
    ['timestamp with another digest', 'bad_timestamp', { timestamp: { digestOf: Buffer.from('x') } }],
    [
      ...(['timestamp with attributes of another content', 'bad_timestamp'] as const),
      { timestamp: { contentType: '1.2.840.113549.1.7.1' } },
      unread,
    ],
    [
      ...(['timestamp by another certificate', 'untrusted_timestamp'] as const),
      { timestamp: { certificateHash: randomBytes(32) } },
      unread,
    ],
    [
      ...(['timestamp with attributes out of order', 'bad_timestamp'] as const),
      { timestamp: { isUnsorted: true } },
      'it takes them as they stand; others sort them first',
    ],
    ['timestamp by two', 'bad_timestamp', { timestamp: { isTwiceSigned: true } }, 'it takes the first'],
    [
      ...(['timestamp that does not name its certificate', 'bad_timestamp'] as const),
      { timestamp: { isUnnamed: true } },
      unread,
    ],
    [
      ...(['timestamp that names another certificate beside its hash', 'untrusted_timestamp'] as const),
      { timestamp: { certificateNamed: issuerSerial('CN=other', 77) } },
      unread,
    ],
    ...oddOptionals.map(([name, reason, ...more]): Made => [
      `timestamp with ${name}`,
      reason,
      { timestamp: { more } },
      unread,
    ]),
    [
      ...(['timestamp with extensions', 'bad_timestamp'] as const),
      { timestamp: { more: [der.context(1, der.sequence())] } },
      unread,
    ],
  ]
}

const integer = (tag: number, ...bytes: number[]) => der.value(tag, Buffer.from(bytes))

/** What may stand behind the time (RFC 3161, section 2.4.2), and not like this. */
const oddOptionals: readonly (readonly [name: string, reason: VerifyReason, ...Buffer[]])[] = [
  ['ordering that is false', 'bad_timestamp', der.boolean(false)],
  ['ordering that is 1', 'bad_timestamp', integer(0x01, 1)],
  ['two nonces', 'bad_timestamp', der.integer(1), der.integer(2)],
  ['a nonce before its accuracy', 'bad_timestamp', der.integer(1), der.sequence(der.integer(1))],
  ['a padded nonce', 'bad_timestamp', integer(0x02, 0, 1)],
  ['an empty nonce', 'bad_timestamp', integer(0x02)],
  ['no milliseconds in its accuracy', 'bad_timestamp', der.sequence(integer(0x80, 0))],
  ['a second in milliseconds', 'bad_timestamp', der.sequence(integer(0x80, 0x03, 0xe8))],
  ['an accuracy out of order', 'bad_timestamp', der.sequence(integer(0x81, 1), integer(0x80, 1))],
  ['an accuracy below nothing', 'bad_timestamp', der.sequence(integer(0x02, 0xff))],
  ['more in its accuracy', 'bad_timestamp', der.sequence(der.integer(1), der.octets(Buffer.of(1)))],
  ['the name of another authority', 'untrusted_timestamp', der.context(0, directoryName('CN=other'))],
  [
    'two names',
    'bad_timestamp',
    der.context(0, Buffer.concat([directoryName('CN=a'), directoryName('CN=a')])),
  ],
  ['an address as its name', 'bad_timestamp', der.context(0, der.context(6, Buffer.from('x'), false))],
]

function directoryName(name: string): Buffer {
  return der.context(4, Buffer.from(new x509.Name(name).toArrayBuffer()))
}

function issuerSerial(name: string, serial: number): Buffer {
  return der.sequence(der.sequence(directoryName(name)), der.integer(serial))
}

export function refusedEntries(): readonly Made[] {
  const uncompared = 'it does not compare that'
  const otherSigner = createSigner('log.mayfly.test', randomBytes(32))
  const base64 = (length: number) => randomBytes(length).toString('base64')
  return [
    ['entry of another digest', 'entry_of_other', withIn('digest', base64(32))],
    ['entry of another signature', 'entry_of_other', withIn('content', base64(70))],
    ['entry of another certificate', 'entry_of_other', withIn('rawBytes', base64(70)), uncompared],
    ['entry of another kind of key', 'entry_of_other', withIn('keyDetails', 'PKIX_ED25519'), uncompared],
    ['entry of another hash', 'entry_of_other', withIn('algorithm', 'SHA2_512'), uncompared],
    [
      ...(['entry with more in it', 'entry_of_other'] as const),
      { entry: (entry: Record<string, unknown>) => ({ ...entry, more: 1 }) },
      uncompared,
    ],
    ['checkpoint of another origin', 'bad_checkpoint', { log: { origin: 'other.test' } }, uncompared],
    ['checkpoint by another key', 'bad_checkpoint', { log: { signer: otherSigner } }],
  ]
}

/** The entry with another value for one of its fields. */
function withIn(field: string, other: string): Made[2] {
  const replaced = (name: string, value: unknown) => (name === field ? other : value)
  return { entry: (entry) => JSON.parse(JSON.stringify(entry, replaced)) as unknown }
}
