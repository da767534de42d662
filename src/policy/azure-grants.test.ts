import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseGrant } from './grant.ts'

test('a grant whose resource is spelled as no request names it is refused, with what to write', () => {
  const problemOf = (grant: string) => {
    const grantOf = parseGrant(grant, new Map([['prod', 'azure']]))
    return typeof grantOf === 'string' ? grantOf : undefined
  }
  assert.match(
    problemOf('azure:call prod/microsoft.web/sites/write@Shop-RG/a%2Fb') ?? '',
    /write "azure:call prod\/microsoft\.web\/sites\/write@shop-rg\/a%2Fb"/,
  )
  assert.match(
    problemOf('azure:call prod/Microsoft.Web/sites/write@shop-rg/shop') ?? '',
    /write "azure:call prod\/microsoft\.web\/sites\/write@shop-rg\/shop"/,
  )
  for (const good of [
    'blob/containers/blobs/write@releases/App/X',
    'vault/secrets/delete@shop/db',
    'arm:POST',
  ])
    assert.equal(problemOf(`azure:call prod/${good}`), undefined)
})
