import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setStage, type Stage } from '../../../demo/stage.ts'
import { inStep, workspaceOf } from '../../clients/servers/python-step.ts'
import { extendPolicy, suite } from '../../clients/suite.ts'
import { clusterHost, startCluster, type Cluster } from '../servers/cluster.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  readonly cluster: Cluster
  /** Forms of requests for a token of Microsoft Entra ID. */
  readonly asked: URLSearchParams[]
}

const tenant = '11111111-2222-3333-4444-555555555555'
const token = 'of-entra-4711'
const application = 'the-application'

/**
 * A kube-apiserver that knows an application of Microsoft Entra ID by its token, as a cluster of AKS does; who gives the token is
 * written from its published reference.
 */
async function open(): Promise<World> {
  const cluster = await startCluster({ [token]: application })
  const asked: URLSearchParams[] = []
  const entra = createServer((request, response) => {
    void request.toArray().then((chunks) => {
      asked.push(new URLSearchParams(chunks.join('')))
      response.end(JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 3_599 }))
    })
  })
  await new Promise<void>((done) => entra.listen(0, '127.0.0.1', done))
  const rbac = 'rbac.authorization.k8s.io'
  cluster.kubectl(['apply', '-f', '-'], {
    ...{ apiVersion: `${rbac}/v1`, kind: 'ClusterRoleBinding', metadata: { name: application } },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'User', apiGroup: rbac, name: application }],
  })
  const authority = `http://127.0.0.1:${(entra.address() as AddressInfo).port}`
  const prod = {
    ...{ kind: 'kubernetes', url: `https://${clusterHost}:6443`, dial: cluster.dial, ca: cluster.ca },
    credential: { 'azure-app': { tenant, client_id: tenant, authority } },
  }
  const grants = ['k8s:write prod/core/configmaps/default/*']
  const stage = await setStage({
    policy: (text) => extendPolicy(text, { connections: { prod }, grants: { release: grants } }),
  })
  return {
    ...{ stage, cluster, asked },
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]()
      entra.closeAllConnections()
      entra.close()
      await cluster[Symbol.asyncDispose]()
    },
  }
}

export default suite<World>({
  name: 'aks',
  needs: ['kube-apiserver', 'etcd', 'kubectl'],
  open,
  rows: [
    {
      name: 'kubectl, by a token of Microsoft Entra ID for clusters of AKS',
      needs: [],
      async run(world) {
        const ran = await inStep(
          world,
          'release',
          ['kubectl'],
          workspaceOf(world),
          `set -e
           kubectl create configmap it --from-literal a=1; kubectl get configmap it -o 'jsonpath={.data.a}'
           ! kubectl get secrets -A`,
        )
        assert.equal(ran.exitCode, 0, ran.stderr)
        assert.equal(ran.stdout, 'configmap/it created\n1')
        assert.match(ran.stderr, /k8s:list prod\/secrets/)
        assert.equal(world.asked[0]?.get('scope'), '6dae42f8-4368-4678-94ff-3960e28e3630/.default')
        assert.deepEqual([...world.cluster.tokens], [token])
      },
    },
  ],
})
