import assert from 'node:assert/strict'
import { setStage, type Ran, type Stage } from '../../../demo/stage.ts'
import { inStep, workspaceOf } from '../../clients/servers/python-step.ts'
import { extendPolicy, suite } from '../../clients/suite.ts'
import { clusterHost, makerToken, startCluster, type Cluster } from '../servers/cluster.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  readonly cluster: Cluster
}

const grants = [
  'k8s:write prod/apps/deployments/web/*',
  'k8s:patch prod/apps/deployments:scale/web/app',
  'k8s:get prod/apps/deployments:scale/web/app',
  'k8s:write prod/core/configmaps/web/*',
  'k8s:read prod/core/pods/web/*',
  'k8s:exec prod/core/pods/web/app-1@rails db:*',
  'k8s:exec prod/core/pods/web/app-1@sleep *',
  'k8s:write prod/secrets/web/sh.helm.release.v1.*',
  'k8s:read misnamed/core/pods/web/*',
]

/** A namespace, whose service account may do more there than any grant allows; who makes its tokens may do nothing else. */
async function open(): Promise<World> {
  const cluster = await startCluster()
  const rbac = 'rbac.authorization.k8s.io'
  const role = (name: string, rules: readonly object[]) => ({
    ...{ apiVersion: `${rbac}/v1`, kind: 'Role', metadata: { name, namespace: 'web' } },
    rules,
  })
  const binding = (name: string, subject: object) => ({
    ...{ apiVersion: `${rbac}/v1`, kind: 'RoleBinding', metadata: { name, namespace: 'web' } },
    roleRef: { apiGroup: rbac, kind: 'Role', name },
    subjects: [subject],
  })
  const secrets = { apiGroups: [''], resources: ['secrets'], verbs: ['create', 'delete'] }
  const token = { apiGroups: [''], resources: ['serviceaccounts/token'], resourceNames: ['deployer'] }
  const items = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'web' } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'deployer', namespace: 'web' } },
    role('deployer', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]),
    binding('deployer', { kind: 'ServiceAccount', name: 'deployer', namespace: 'web' }),
    role('maker', [secrets, { ...token, verbs: ['create'] }]),
    binding('maker', { kind: 'User', apiGroup: rbac, name: 'maker' }),
    {
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'app-1', namespace: 'web' } },
      spec: { containers: [{ name: 'app', image: 'app' }] },
    },
    {
      ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db', namespace: 'web' } },
      stringData: { password: 'hunter2-4711' },
    },
  ]
  cluster.kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items })
  const prod = {
    ...{ kind: 'kubernetes', url: `https://${clusterHost}:6443`, dial: cluster.dial, ca: cluster.ca },
    credential: { 'kubernetes-token': { service_account: 'web/deployer', admin: 'secret:k8s-maker' } },
  }
  // Its certificate has no such name.
  const misnamed = { ...prod, url: 'https://other.example:6443' }
  const stage = await setStage({
    policy: (text) => extendPolicy(text, { connections: { prod, misnamed }, grants: { release: grants } }),
  })
  await stage.operate(['secret', 'set', 'k8s-maker'], makerToken)
  return {
    ...{ stage, cluster },
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]()
      await cluster[Symbol.asyncDispose]()
    },
  }
}

function step(
  world: World,
  tools: readonly string[],
  script: string,
  files: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  return inStep(world, 'release', tools, workspaceOf(world, files), script)
}

async function works(...asked: Parameters<typeof step>): Promise<string> {
  const ran = await step(...asked)
  assert.equal(ran.exitCode, 0, `${ran.stdout}${ran.stderr}`)
  return ran.stdout
}

async function eventually(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (await look()) return
    await new Promise((next) => setTimeout(next, 100))
  }
  assert.fail(`never: ${what}`)
}

/** Secrets that leases are bound to and are there yet. */
const bound = ({ cluster }: World) =>
  cluster.kubectl(['-n', 'web', 'get', 'secrets', '-l', 'app.kubernetes.io/managed-by=mayfly', '-o', 'name'])

const deployment = (replicas: number) =>
  JSON.stringify({
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'app', namespace: 'web' } },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'app' } },
      template: {
        metadata: { labels: { app: 'app' } },
        spec: { containers: [{ name: 'app', image: 'app' }] },
      },
    },
  })

const chart = {
  'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
  'config.yaml':
    'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: "{{ .Release.Name }}-settings" }\ndata: { level: "{{ .Values.level }}" }\n',
}

export default suite<World>({
  name: 'kubernetes',
  needs: ['kube-apiserver', 'etcd', 'kubectl'],
  open,
  rows: [
    {
      name: 'kubectl: apply both ways, get, scale, patch, wait, diff, can-i, delete',
      needs: [],
      async run(world) {
        const out = await works(
          world,
          ['kubectl'],
          `set -e
           kubectl version -o json | grep gitVersion | sort -u | wc -l
           kubectl apply -f one.json; kubectl apply -f two.json; kubectl apply --server-side --force-conflicts -f one.json
           kubectl -n web get deployments -o name; kubectl -n web scale deployment app --replicas=3
           kubectl -n web get deployment app -o jsonpath='{.spec.replicas}{"\\n"}'
           kubectl -n web create configmap settings --from-literal=level=1
           kubectl -n web patch configmap settings -p '{"data":{"level":"2"}}'
           kubectl -n web wait configmap settings --for=jsonpath='{.data.level}'=2 --timeout=20s
           kubectl diff -f two.json >changes || true; grep -c '^.  replicas: ' changes
           kubectl -n web auth can-i patch deployments.apps; kubectl -n web auth can-i delete pods || true
           kubectl -n web delete deployment app; kubectl -n web delete configmap settings --wait=false
           kubectl config set-context --current --namespace=web; kubectl config use-context prod; kubectl get deployments -o name
           kubectl config current-context; kubectl config view --raw | grep token`,
          { 'one.json': deployment(1), 'two.json': deployment(2) },
        )
        assert.match(out, /deployment\.apps\/app created\n.*app configured\n.*serverside-applied/s)
        assert.match(out, /\n3\nconfigmap\/settings created\n.*patched\n.*condition met\n2\nyes\nno/s)
        assert.match(out, /deleted.*\nprod\n\s+token: held-by-the-gateway\n$/s)
      },
    },
    {
      name: 'kubectl: what no grant allows is refused in its words, before the server hears of it',
      needs: [],
      async run(world) {
        const { stderr, stdout } = await step(
          world,
          ['kubectl'],
          `kubectl -n web get secret db; kubectl get pods -A; kubectl -n web create token deployer; kubectl --as=root -n web get pods
           kubectl -n web exec app-1 -- sh -c 'cat /etc/passwd'; kubectl -n web create role x --verb=get --resource=pods; kubectl get --raw /metrics`,
        )
        for (const expected of [
          /Error from server \(Forbidden\): .*"?k8s:get prod\/secrets\/web\/db/,
          /Forbidden.*k8s:list prod\/core\/pods\/~\/~/,
          /would be a token, which no step may hold/,
          /act as somebody else/,
          /k8s:exec prod\/core\/pods\/web\/app-1@sh -c cat%20\/etc\/passwd/,
          /k8s:create prod\/rbac\.authorization\.k8s\.io\/roles\/web\/x/,
          /k8s:get prod\/~\/metrics/,
        ])
          assert.match(stderr, expected)
        assert.ok(!`${stdout}${stderr}`.includes('hunter2') && !stdout.includes('root:'))
      },
    },
    {
      name: 'kubectl: a cluster with another certificate is said at once, with what to write, and no lease is left of it',
      needs: [],
      async run(world) {
        const { stderr, exitCode } = await step(
          world,
          ['kubectl'],
          'kubectl --context misnamed -n web get pods',
        )
        assert.equal(exitCode, 1)
        assert.match(
          stderr,
          /Error from server \(Forbidden\): mayfly: refused: .*not for other\.example, but for .*write a name/,
        )
        assert.doesNotMatch(stderr, /try again/)
        const { stdout: left } = await world.stage.operate(['leases', '--connection', 'misnamed'])
        assert.doesNotMatch(left, /lse_/)
      },
    },
    {
      name: 'kubectl exec by WebSocket (to a stand-in of a kubelet)',
      needs: [],
      async run(world) {
        const out = await works(world, ['kubectl'], 'kubectl -n web exec app-1 -- rails db:migrate VERSION=1')
        assert.equal(out, 'ran ["rails","db:migrate","VERSION=1"]\n')
      },
    },
    {
      name: 'kustomize build, kubectl apply -k',
      needs: ['kustomize'],
      async run(world) {
        const out = await works(
          world,
          ['kubectl', 'kustomize'],
          `kustomize build . | kubectl apply -f - && kubectl apply -k . && kubectl -n web delete deployment two-app`,
          {
            'kustomization.yaml': 'namespace: web\nnamePrefix: two-\nresources: [app.json]\n',
            'app.json': deployment(1),
          },
        )
        assert.match(out, /two-app created\n.*two-app (?:unchanged|configured)\n.*deleted/s)
      },
    },
    {
      name: 'helm install, upgrade, list, history, rollback, uninstall',
      needs: ['helm'],
      async run(world) {
        const out = await works(
          world,
          ['helm', 'kubectl'],
          `set -e; export HOME=$PWD; mkdir -p app/templates; mv Chart.yaml app; mv config.yaml app/templates
           ! kubectl -n web get secrets 2>&1; ! kubectl -n web get secrets -l owner=helm,level=1 2>&1
           helm -n web upgrade --install app ./app --set level=1; helm -n web upgrade app ./app --set level=2
           kubectl -n web get configmap app-settings -o jsonpath='level {.data.level}{"\\n"}'
           helm -n web list --short; helm -n web rollback app 1
           kubectl -n web get configmap app-settings -o jsonpath='level {.data.level}{"\\n"}'; helm -n web uninstall app`,
          chart,
        )
        assert.match(out, /level 2\napp\nRollback was a success.*\nlevel 1\nrelease "app" uninstalled/s)
      },
    },
    {
      name: 'the Python client: list, create, patch, watch, exec, delete, a refusal',
      needs: ['kubernetes-python'],
      async run(world) {
        const script = `
from kubernetes import client, config, watch
from kubernetes.stream import stream
config.load_kube_config()
v1 = client.CoreV1Api()
print(len(v1.list_namespaced_pod('web').items))
v1.create_namespaced_config_map('web', {'metadata': {'name': 'py'}, 'data': {'a': '1'}})
print(v1.patch_namespaced_config_map('py', 'web', {'data': {'a': '2'}}).data)
for event in watch.Watch().stream(v1.list_namespaced_config_map, 'web', timeout_seconds=20):
    if event['object'].metadata.name == 'py':
        print(event['type'])
        break
print(stream(v1.connect_get_namespaced_pod_exec, 'app-1', 'web', command=['rails', 'db:seed'], stdout=True, stderr=True))
v1.delete_namespaced_config_map('py', 'web')
try:
    v1.list_secret_for_all_namespaces()
except client.exceptions.ApiException as e:
    print(e.status, 'k8s:list prod/secrets/~/~' in e.body)
`
        const out = await works(world, ['kubernetes-python'], 'kubernetes-python it.py', { 'it.py': script })
        assert.equal(out, `1\n{'a': '2'}\nADDED\nran ["rails","db:seed"]\n\n403 True\n`)
      },
    },
    {
      name: 'the JavaScript client: list, create, watch, delete, a refusal',
      needs: ['kubernetes-js'],
      async run(world) {
        const script = `
const load = async () => {
  const { KubeConfig, CoreV1Api, Watch } = await import(process.argv[2] + '/@kubernetes/client-node/dist/index.js')
  const config = new KubeConfig()
  config.loadFromDefault()
  const api = config.makeApiClient(CoreV1Api)
  const namespace = 'web'
  console.log((await api.listNamespacedPod({ namespace })).items.length)
  await api.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'js' }, data: { a: '1' } } })
  const seen = await new Promise((resolve, reject) => {
    const found = (type, one) => one.metadata.name === 'js' && resolve(type)
    new Watch(config).watch('/api/v1/namespaces/web/configmaps', {}, found, reject).catch(reject)
  })
  console.log(seen, (await api.deleteNamespacedConfigMap({ namespace, name: 'js' })).status)
  await api.readNamespacedSecret({ namespace, name: 'db' }).catch((e) => console.log(e.code, /k8s:get prod.secrets.web.db/.test(e.body)))
  process.exit(0)
}
load()`
        const out = await works(world, ['kubernetes-js'], 'node it.cjs "$(kubernetes-js)"', {
          'it.cjs': script,
        })
        assert.equal(out, '1\nADDED Success\n403 true\n')
      },
    },
    {
      name: 'a watch and an exec that are open are cut when the run is revoked; its token is dead, its Secret deleted',
      needs: [],
      async run(world) {
        const { stage, cluster } = world
        await eventually('nothing is left of steps before', () => bound(world) === '')
        cluster.tokens.clear()
        const ran = step(
          world,
          ['kubectl'],
          'kubectl -n web get pods -w & kubectl -n web exec app-1 -- sleep 60; wait; sleep 30',
        )
        await eventually('it runs', () => cluster.execs() === 1 && bound(world) !== '')
        // Those of steps before are tried once more, after their end.
        const statuses = await Promise.all(
          [...cluster.tokens].map(async (one) => [one, await cluster.statusOf(one)] as const),
        )
        const [token = ''] = statuses.find(([one, status]) => one.startsWith('eyJ') && status === 200) ?? []
        assert.notEqual(token, '')
        const find = ['audit', 'find', '--data', stage.dataFolder, '--connection', 'prod', '--json']
        const { entries } = JSON.parse((await stage.operate(find)).stdout) as { entries: { run: string }[] }
        await stage.operate(['revoke', '--run', entries.at(-1)?.run ?? ''])
        await eventually('exec is cut', () => cluster.execs() === 0)
        assert.notEqual((await ran).exitCode, 0)
        await eventually('its Secret is deleted', () => bound(world) === '')
        await eventually('its token is dead', async () => (await cluster.statusOf(token)) === 401)
      },
    },
  ],
})
