import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verifyConsistency, verifyInclusion } from './index.ts'
import {
  consistencyCases,
  consistencyPairs,
  inclusionCases,
  inclusionPairs,
  smallestCases,
} from './proof-cases.fixture.ts'

test('inclusion: a true proof holds, and none of the ways to spoil it', () => {
  for (const { name, claim, proof, holds } of inclusionPairs.flatMap((pair) => inclusionCases(...pair)))
    assert.equal(verifyInclusion(claim, proof), holds, name)
})

test('consistency: a true proof holds, and none of the ways to spoil it', () => {
  for (const { name, claim, proof, holds } of consistencyPairs.flatMap((pair) => consistencyCases(...pair)))
    assert.equal(verifyConsistency(claim, proof), holds, name)
})

test('consistency: an empty tree has one root, and is a prefix of any', () => {
  for (const { name, claim, proof, holds } of smallestCases())
    assert.equal(verifyConsistency(claim, proof), holds, name)
})
