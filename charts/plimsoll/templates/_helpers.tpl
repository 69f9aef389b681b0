{{/* Labels of every object. The argument is a dict of root and component. */}}
{{- define "plimsoll.labels" -}}
{{ include "plimsoll.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels that select pods. */}}
{{- define "plimsoll.selector" -}}
app.kubernetes.io/name: plimsoll
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* The metadata of an object, without its name: labels and the common annotations. */}}
{{- define "plimsoll.metadata" -}}
labels:
  {{- include "plimsoll.labels" . | nindent 2 }}
{{- with .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "plimsoll.image" -}}
{{- $image := .Values.image -}}
{{- with .Values.global.imageRegistry }}{{ . }}/{{ end -}}
{{- $image.repository -}}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ default .Chart.AppVersion $image.tag }}{{ end -}}
{{- end }}

{{/* Flags that both programs share. */}}
{{- define "plimsoll.logArguments" -}}
- --log-level={{ .Values.log.level }}
- --log-format={{ .Values.log.format }}
{{- end }}

{{/* How the agents reach the TPM. */}}
{{- define "plimsoll.tcti" -}}
{{- $device := .Values.agent.device -}}
{{- default (ternary "auto" (printf "device:%s" $device) (eq $device "auto")) .Values.agent.tcti -}}
{{- end }}

{{/* The user name of the controller at the API server. */}}
{{- define "plimsoll.controllerUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:plimsoll-controller
{{- end }}

{{/* The optional label with the time until which a node is trusted: below the prefix of the trust label. */}}
{{- define "plimsoll.trustedUntilKey" -}}
{{ first (splitList "/" .Values.enforcement.label.key) }}/trusted-until
{{- end }}

{{/* A list of strings in CEL. The schema keeps quotes and backslashes out of them. */}}
{{- define "plimsoll.celStrings" -}}
['{{ join "', '" . }}']
{{- end }}

{{/* CEL: whether the controller asks. */}}
{{- define "plimsoll.isController" -}}
request.userInfo.username == '{{ include "plimsoll.controllerUser" . }}'
{{- end }}

{{/* CEL: whether a member of a break-glass group asks. */}}
{{- define "plimsoll.isBreakGlass" -}}
{{- if .Values.protection.breakGlassGroups -}}
request.userInfo.?groups.orValue([]).exists(g, g in {{ include "plimsoll.celStrings" .Values.protection.breakGlassGroups }})
{{- else -}}
false
{{- end -}}
{{- end }}

{{/* The resources of our API group. */}}
{{- define "plimsoll.kinds" -}}
[attestationpolicies, referencevalues, endorsementauthorities, tpmidentities, nodeattestations, attestationexceptions]
{{- end }}
