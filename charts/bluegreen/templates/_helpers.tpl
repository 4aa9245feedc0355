{{- define "bluegreen.fullname" -}}
{{- if contains "bluegreen" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-bluegreen" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "bluegreen.selectorLabels" -}}
app.kubernetes.io/name: bluegreen
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "bluegreen.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{ include "bluegreen.selectorLabels" . }}
app.kubernetes.io/component: worker
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "bluegreen.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "bluegreen.fullname" .) }}{{ else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{/* The builds to run; without versions, one without a build id. */}}
{{- define "bluegreen.builds" -}}
{{- .Values.builds | default (list (dict "buildId" "")) | toJson }}
{{- end }}

{{/* What cannot run is refused before anything is installed. */}}
{{- define "bluegreen.validate" -}}
{{- if not .Values.temporal.address }}
{{- fail "temporal.address is required: the address of your Temporal server, such as temporal-frontend.temporal.svc:7233" }}
{{- end }}
{{- $state := .Values.state }}
{{- $places := compact (list $state.url $state.urlSecret.name $state.existingClaim (ternary "ephemeral" "" $state.ephemeral)) }}
{{- if ne (len $places) 1 }}
{{- fail "set exactly one of state.url, state.urlSecret.name, state.existingClaim and state.ephemeral: the state that all workers share (docs/state.md)" }}
{{- end }}
{{- $many := gt (int .Values.replicas) 1 }}
{{- range .Values.builds }}{{- if gt (int (.replicas | default $.Values.replicas)) 1 }}{{- $many = true }}{{- end }}{{- end }}
{{- if and $state.ephemeral (or $many (gt (len .Values.builds) 1)) }}
{{- fail "state.ephemeral is for one pod: set replicas to 1, or choose a state that pods share (docs/state.md)" }}
{{- end }}
{{- $runbooks := compact (list (ternary "files" "" (gt (len .Values.runbooks.files) 0)) .Values.runbooks.existingConfigMap (ternary "volume" "" (gt (len .Values.runbooks.volume) 0))) }}
{{- if gt (len $runbooks) 1 }}
{{- fail "set only one of runbooks.files, runbooks.existingConfigMap and runbooks.volume" }}
{{- end }}
{{- end }}
