import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setStage, type Ran, type Stage } from '../../../demo/stage.ts'
import { inStep, workspaceOf } from '../../clients/servers/python-step.ts'
import { extendPolicy, suite } from '../../clients/suite.ts'
import { makeLayout } from '../../e2e/registry.ts'
import { startAzureRegistry, type AzureRegistry } from '../servers/azure-registry.ts'
import { startAzure, tenant, type FakeAzure } from '../servers/azure.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  readonly azure: FakeAzure
  readonly images: AzureRegistry
}

const subscription = '99999999-8888-7777-6666-555555555555'

const inGroup = `/subscriptions/${subscription}/resourceGroups/shop-rg`

const registry = 'shop.azurecr.io'

const grants = [
  'azure:call prod/blob/containers/write@releases/*',
  'azure:call prod/blob/containers/blobs/write@releases/app/*',
  'azure:call prod/blob/containers/blobs/delete@releases/app/*',
  'azure:read prod/blob/containers/blobs/read@releases/app*',
  'azure:call prod/vault/secrets/getsecret/action@shop/db',
  'azure:call prod/microsoft.web/sites/write@shop-rg/shop',
  'azure:call prod/microsoft.web/sites/restart/action@shop-rg/shop',
  'azure:read prod/microsoft.web/sites/read@shop-rg/*',
]

/** A subscription that an application is used in for Mayfly's own identity. */
async function open(): Promise<World> {
  const azure = await startAzure()
  const images = await startAzureRegistry(registry, (token) =>
    azure.holds(token, 'https://containerregistry.azure.net'),
  )
  const credential = { 'azure-app': { tenant, client_id: tenant, authority: azure.authority } }
  const stage = await setStage({
    policy: (text) =>
      extendPolicy(text, {
        connections: {
          prod: {
            ...{ kind: 'azure', tenant, subscription, url: 'https://management.azure.com' },
            ...{ dial: azure.dial, ca: azure.ca },
            credential,
          },
          images: {
            ...{ kind: 'oci', url: `https://${registry}`, dial: images.dial, ca: images.ca, credential },
          },
        },
        grants: { release: [...grants, 'oci:push images/octo/app@v*', 'oci:pull images/octo/app'] },
      }),
  })
  return {
    ...{ stage, azure, images },
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]()
      await images[Symbol.asyncDispose]()
      await azure[Symbol.asyncDispose]()
    },
  }
}

async function works(
  world: World,
  tools: readonly string[],
  script: string,
  files?: Readonly<Record<string, string>>,
): Promise<Ran> {
  const ran = await inStep(world, 'release', tools, workspaceOf(world, files), `set -e\n${script}`)
  assert.equal(ran.exitCode, 0, `${ran.stdout}${ran.stderr}`)
  assert.deepEqual(
    world.azure.seen.filter(({ held }) => !held),
    [],
  )
  assert.doesNotMatch(`${ran.stdout}${ran.stderr}`, /bWFkZS1ieS1lbnRyYS/)
  return ran
}

const python = `
import sys
from azure.core.exceptions import HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import BlobServiceClient

login = DefaultAzureCredential()
blobs = BlobServiceClient('https://releases.blob.core.windows.net', login)
app = blobs.create_container('app')
big = bytes(range(256)) * 40000
app.upload_blob('big', big, max_concurrency=4)
assert app.download_blob('big').readall() == big
app.upload_blob('a b+c/ü.txt', b'hello', metadata={'of': 'it'})
print(*[one.name for one in app.list_blobs()])
app.get_blob_client('copy').start_copy_from_url(app.get_blob_client('big').url)
app.delete_blob('copy')
print(SecretClient('https://shop.vault.azure.net', login).get_secret('db').value)
for asked in (
    lambda: blobs.get_container_client('other').upload_blob('x', b'x'),
    lambda: app.get_blob_client('x').start_copy_from_url('https://elsewhere.blob.core.windows.net/secret/x'),
    lambda: blobs.get_user_delegation_key(*[__import__('datetime').datetime(2030, 1, 1)] * 2),
    lambda: SecretClient('https://shop.vault.azure.net', login).get_secret('other'),
):
    try:
        asked()
    except HttpResponseError as e:
        print(e.status_code, e.error_code if hasattr(e, 'error_code') else '', e.message)
`

export default suite<World>({
  name: 'azure',
  needs: ['azurite-blob'],
  open,
  rows: [
    {
      name: 'the Python SDK: blobs, large ones in blocks, copies, a vault; refusals in Azure’s words',
      needs: ['azure-python'],
      async run(world) {
        const { stdout } = await works(world, ['azure-python'], 'azure-python it.py', { 'it.py': python })
        assert.match(stdout, /^a b\+c\/ü\.txt big\nkept-in-the-vault\n/)
        for (const text of [
          /403 AuthorizationPermissionMismatch mayfly: refused: .*blobs\/write@releases\/other\/x/,
          /403 .*blobs\/read@elsewhere\/secret\/x/,
          /403 .*would be a credential/,
          /403 .*vault\/secrets\/getsecret\/action@shop\/other/,
        ])
          assert.match(stdout, text)
        const [first] = world.azure.asked
        const claims = JSON.parse(
          Buffer.from(String(first?.get('client_assertion')).split('.')[1] ?? '', 'base64url').toString(),
        ) as Record<string, unknown>
        assert.equal(claims['aud'], 'api://AzureADTokenExchange')
        assert.deepEqual(
          world.azure.asked.map((form) => form.get('scope')).slice(0, 3),
          ['management.azure.com', 'storage.azure.com', 'vault.azure.net'].map(
            (host) => `https://${host}/.default`,
          ),
        )
      },
    },
    {
      name: 'the JavaScript SDK, which knows its login by itself',
      needs: ['azure-js'],
      async run(world) {
        const { stdout } = await works(world, ['azure-js'], 'NODE_PATH=$(azure-js) node it.cjs', {
          'it.cjs': `
const { DefaultAzureCredential } = require('@azure/identity')
const { BlobServiceClient } = require('@azure/storage-blob')
const main = async () => {
  const blobs = new BlobServiceClient('https://releases.blob.core.windows.net', new DefaultAzureCredential())
  const app = blobs.getContainerClient('app-js')
  await app.create()
  const big = Buffer.alloc(20_000_000, 'x')
  const at = blobs.getContainerClient('app').getBlockBlobClient('by js/ä b+c')
  await blobs.getContainerClient('app').createIfNotExists()
  await at.uploadData(big, { blockSize: 4_000_000 })
  console.log((await at.downloadToBuffer()).equals(big))
  for await (const one of blobs.getContainerClient('app').listBlobsFlat({ prefix: 'by' })) console.log(one.name)
  await app.getBlockBlobClient('x').upload('x', 1).catch((e) => console.log(e.statusCode, e.code, e.message))
}
main()`,
        })
        assert.match(stdout, /^true\nby js\/ä b\+c\n403 AuthorizationPermissionMismatch mayfly: refused: /)
      },
    },
    {
      name: 'az, after az login as in any workflow: blobs, a vault, a web app; refusals',
      needs: ['az'],
      async run(world) {
        const { stdout, stderr } = await works(
          world,
          ['az'],
          `export AZURE_CORE_ONLY_SHOW_ERRORS=true
           az login --service-principal -u "$AZURE_CLIENT_ID" -t "$AZURE_TENANT_ID" --federated-token "$(cat $AZURE_FEDERATED_TOKEN_FILE)" --query '[].id' -o tsv
           at="--account-name releases"
           az storage container create $at -n app-az -o none
           echo hello >it; az storage blob upload $at -c app -n az/it -f it --overwrite -o none
           az storage blob download $at -c app -n az/it -f back -o none; cmp it back
           az keyvault secret show --vault-name shop -n db --query value -o tsv
           az rest -m put -u "${inGroup}/providers/Microsoft.Web/sites/shop?api-version=2024-04-01" -b '{"location":"westeurope"}' --query id -o tsv
           az resource invoke-action --ids ${inGroup}/providers/Microsoft.Web/sites/shop --action restart --api-version 2024-04-01 -o none
           ! az storage blob delete $at -c other -n x
           ! az rest -m post -u "${inGroup}/providers/Microsoft.Storage/storageAccounts/releases/listKeys?api-version=2024-01-01"
           az account clear; az login --identity --query '[].id' -o tsv
           az storage blob download $at -c app -n az/it -f again -o none; cmp it again
           ! az login --service-principal -u x -p own-secret -t "$AZURE_TENANT_ID"`,
        )
        assert.match(stdout, /kept-in-the-vault\n\/subscriptions\/9/)
        for (const text of [/blobs\/delete@releases\/other\/x/, /would be a credential/, /not the stand-in/])
          assert.match(stderr, text)
      },
    },
    {
      name: 'terraform, whose state is a blob',
      needs: ['terraform'],
      async run(world) {
        const { stdout } = await works(
          world,
          [],
          'terraform init -no-color >/dev/null; terraform apply -auto-approve -no-color; terraform output -raw it',
          {
            'main.tf': `
terraform {
  backend "azurerm" {
    storage_account_name = "releases"
    container_name = "app"
    key = "state/shop.tfstate"
  }
}
resource "terraform_data" "it" { input = "kept" }
output "it" { value = terraform_data.it.output }
`,
          },
        )
        assert.match(stdout, /1 added[^]*kept$/)
      },
    },
    {
      name: 'an image of Azure Container Registry: its refresh token stays in the gateway',
      needs: ['oras', 'docker-registry'],
      async run(world) {
        const { stdout } = await works(
          world,
          ['oras'],
          `${makeLayout}
           layout image 300000; oras copy --from-oci-layout image@$digest ${registry}/octo/app:v1; echo "pushed $digest"
           oras manifest fetch ${registry}/octo/app:v1 >/dev/null
           ! oras copy --from-oci-layout image@$digest ${registry}/octo/other:v1 2>&1`,
        )
        assert.match(stdout, /octo\/other.* 403/)
        assert.equal(world.images.registry.tag('octo/app', 'v1'), /pushed (\S+)/.exec(stdout)?.[1])
        assert.deepEqual(
          [...(world.images.exchanged[0] ?? [])].slice(0, 3),
          Object.entries({ grant_type: 'access_token', service: registry, tenant }),
        )
        assert.doesNotMatch(stdout, /refresh-token-of-registry/)
      },
    },
    {
      name: 'a step that is revoked in the middle asks nothing more; what it had opens nothing',
      needs: ['azure-python'],
      async run(world) {
        const workspace = workspaceOf(world, {
          'it.py': `
from azure.identity import DefaultAzureCredential
from azure.storage.blob import ContainerClient
login = DefaultAzureCredential()
app = ContainerClient('https://releases.blob.core.windows.net', 'app', login)
while True:
    app.upload_blob('again', b'x', overwrite=True)
    open('shown', 'w').write(login.get_token('https://storage.azure.com/.default').token)
    open('first', 'w')
`,
        })
        const running = inStep(
          world,
          'release',
          ['azure-python'],
          workspace,
          'echo $MAYFLY_RUN >run; azure-python it.py',
        )
        await untilThere(join(workspace, 'first'), running)
        const run = readFileSync(join(workspace, 'run'), 'utf8').trim()
        const revoked = await world.stage.operate(['revoke', '--run', run])
        assert.equal(revoked.exitCode, 0, revoked.stderr)
        const { length } = world.azure.seen
        assert.notEqual((await running).exitCode, 0)
        assert.equal(world.azure.seen.length, length)
        // What the step had of a login opens nothing, wherever it is shown.
        const shown = readFileSync(join(workspace, 'shown'), 'utf8')
        assert.equal(await world.azure.statusOf('releases.blob.core.windows.net', '/app/again', shown), 401)
      },
    },
  ],
})

/** The step is so far. */
async function untilThere(file: string, running: Promise<Ran>): Promise<void> {
  let ended: Ran | undefined
  void running.then((ran) => (ended = ran))
  while (!existsSync(file)) {
    if (ended !== undefined) throw new Error(`the step ended: ${ended.stderr}`)
    await new Promise((next) => setTimeout(next, 20))
  }
}
