import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ProtocolFault } from '../../read-exactly.ts'
import { cString, int32 } from '../wire.ts'
import { Masks } from './masks.ts'
import { maskRow, maskingOf } from './rows.ts'

const masks = new Masks([
  {
    ...{ oid: 7, schema: 'public', name: 'people', isClosed: false },
    masked: new Map([[2, 'email']]),
    open: new Set(['id']),
  },
])
const int16 = (value: number) => Buffer.of(value >> 8, value & 0xff)
const text = 25
const date = 1082

/** Its table, number and type, and what a row has in it. */
const column = fc.record({
  table: fc.constantFrom(0, 7, 8),
  number: fc.constantFrom(1, 2),
  type: fc.constantFrom(text, date),
  value: fc.option(fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes))),
})

test('of each row the masked values are replaced, and nothing else is', () => {
  fc.assert(
    fc.property(fc.array(column, { maxLength: 8 }), (columns) => {
      const described = columns.flatMap(({ table, number, type }) => [
        ...[cString('a name'), int32(table), int16(number), int32(type), int16(4), int32(-1), int16(0)],
      ])
      const masking = maskingOf(Buffer.concat([int16(columns.length), ...described]), masks)
      const rowOf = (values: readonly (Buffer | null)[]) =>
        Buffer.concat([
          int16(values.length),
          ...values.flatMap((one) => (one === null ? [int32(-1)] : [int32(one.length), one])),
        ])
      const { row, masked } = maskRow(rowOf(columns.map(({ value }) => value)), masking)
      const hidden = columns.map(({ table, number, value }) => table === 7 && number === 2 && value !== null)
      const expected = columns.map(({ type, value }, at) =>
        hidden[at] === true ? (type === text ? Buffer.from('masked') : null) : value,
      )
      assert.deepEqual(row.subarray(5), rowOf(expected))
      assert.equal(row.readInt32BE(1), row.length - 1)
      assert.equal(masked, hidden.filter(Boolean).length)
    }),
  )
})

test('what a server sends in their place is a fault, and nothing worse', () => {
  const isFault = (run: () => unknown) => {
    try {
      run()
      return false
    } catch (error) {
      assert.ok(error instanceof ProtocolFault, String(error))
      return true
    }
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      isFault(() => maskingOf(Buffer.from(bytes), masks))
      isFault(() => maskRow(Buffer.from(bytes), [undefined, Buffer.from('masked'), null]))
    }),
  )
  const row = Buffer.concat([int16(1), int32(1), Buffer.from('x')])
  assert.ok(isFault(() => maskRow(row, [])))
  assert.ok(isFault(() => maskRow(row, [undefined, null])))
  assert.ok(isFault(() => maskRow(Buffer.concat([int16(1), int32(9), Buffer.from('x')]), [null])))
})
